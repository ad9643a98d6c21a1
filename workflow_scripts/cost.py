"""The cost of the models of each approach."""

from diffcredit.jobs import job

with job(snakemake, "cost") as params:
    from diffcredit.evaluation.cost import cost_table
    from diffcredit.files import read_table, write_csv, write_table

    tables = [read_table(path) for path in snakemake.input.behaviors]
    table = cost_table(dict(zip(params.made, tables, strict=True)))
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
