"""Fit a removal estimator on recorded behaviors."""

from diffcredit.logs import job

with job(snakemake.log[0], f"attribution {snakemake.wildcards.attribution}"):
    from pydantic import TypeAdapter

    from diffcredit.attribution.table import Corrections, attribute
    from diffcredit.config import Distribution
    from diffcredit.files import read_table, write_table

    recorded, params = snakemake.input, snakemake.params
    distribution = TypeAdapter(Distribution).validate_python
    endpoints = {name: read_table(recorded[name]) for name in ("full", "none") if recorded[name]}
    corrections = None
    if recorded.get("corrections"):
        corrections = Corrections(
            cheap=read_table(recorded.cheap),
            exact=read_table(recorded.corrections),
            exact_full=read_table(recorded.exact_full),
            distribution=distribution(params.correction_distribution),
        )
    table = attribute(
        params.estimator,
        read_table(recorded.behaviors),
        endpoints,
        distribution(params.distribution),
        corrections,
    )
    write_table(table, snakemake.output.attribution)
