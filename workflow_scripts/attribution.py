"""Fit a removal estimator on recorded behaviors."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, f"attribution {snakemake.wildcards.attribution}") as params:
    from diffcredit.attribution.doubts import attribution_doubts, measured_once
    from diffcredit.attribution.table import fit, with_credit
    from diffcredit.behaviors.table import read_each
    from diffcredit.coalitions.distribution import of_settings
    from diffcredit.config import RemovalAttribution
    from diffcredit.files import write_table
    from diffcredit.registry import ESTIMATORS

    entry = RemovalAttribution(**params.attribution)
    tables = dict(zip(entry.references, read_each(snakemake.input.behaviors), strict=True))
    distributions = {role: of_settings(given) for role, given in params.distributions.items()}
    table = with_credit(fit(entry, tables, distributions), params.better)
    once = [end for end in ("full", "none") if end in tables and measured_once(tables[end])]
    fits_all = ESTIMATORS[entry.method.name].distribution is None
    for doubt in attribution_doubts(table, tables["values"], once, fits_all):
        logger.warning("%s", doubt)
    write_table(table, snakemake.output.attribution)
