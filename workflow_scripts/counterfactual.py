"""How behaviors change without the contributors that attributions name."""

from diffcredit.logs import job

with job(snakemake.log[0], "counterfactual"):
    import pandas as pd

    from diffcredit.evaluation.counterfactual import counterfactual_table
    from diffcredit.files import read_table, write_csv, write_table

    table = counterfactual_table(
        pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True),
        read_table(snakemake.input.behaviors),
        read_table(snakemake.input.full),
        snakemake.params.confidence,
    )
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
