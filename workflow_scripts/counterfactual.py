"""Changes of behaviors after the top or bottom contributors are removed."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "counterfactual") as params:
    import pandas as pd

    from diffcredit.behaviors.table import read
    from diffcredit.evaluation.counterfactual import counterfactual_table
    from diffcredit.evaluation.doubts import interval_doubts
    from diffcredit.files import read_table, write_csv, write_table

    table = counterfactual_table(
        pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True),
        read(snakemake.input.behaviors),
        read(snakemake.input.full),
        params.confidence,
        params.better,
    )
    for doubt in interval_doubts(
        table,
        "low",
        ("attribution", "behavior", "action"),
        "evaluation.counterfactual.seeds, random and the count of its full, each 2 or more",
    ):
        logger.warning("%s", doubt)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
