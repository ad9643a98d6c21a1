"""Fit a removal estimator on recorded behaviors."""

from diffcredit.logs import job

with job(snakemake.log[0], f"attribution {snakemake.wildcards.attribution}"):
    from pydantic import TypeAdapter

    from diffcredit.attribution.table import attribute
    from diffcredit.config import Distribution
    from diffcredit.files import read_table, write_table

    endpoints = {name: snakemake.input[name] for name in ("full", "none") if snakemake.input[name]}
    table = attribute(
        snakemake.params.estimator,
        read_table(snakemake.input.behaviors),
        {name: read_table(path) for name, path in endpoints.items()},
        TypeAdapter(Distribution).validate_python(snakemake.params.distribution),
    )
    write_table(table, snakemake.output.attribution)
