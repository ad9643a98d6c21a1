"""Distances of images that are regenerated without their proponents."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "regenerated") as params:
    import pandas as pd

    from diffcredit.behaviors.table import read
    from diffcredit.config import Regenerated
    from diffcredit.evaluation.doubts import interval_doubts
    from diffcredit.evaluation.regenerated import regenerated_summary, regenerated_table
    from diffcredit.files import read_table, write_csv, write_table

    table = regenerated_table(
        pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True),
        read(snakemake.input.behaviors),
        Regenerated(**params.settings),
    )
    summary = regenerated_summary(table, params.confidence)
    for doubt in interval_doubts(
        summary, "low", ("attribution", "behavior"), "evaluation.regenerated.queries, 2 or more"
    ):
        logger.warning("%s", doubt)
    write_table(table, snakemake.output.parquet)
    write_table(summary, snakemake.output.summary)
    write_csv(summary, snakemake.output.csv)
