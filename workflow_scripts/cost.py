"""The cost of the models of each approach."""

from diffcredit.jobs import job

with job(snakemake, "cost"):
    from diffcredit.evaluation.cost import cost_table
    from diffcredit.files import read_table, write_csv, write_table

    table = cost_table(map(read_table, snakemake.input.models))
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
