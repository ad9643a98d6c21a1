"""Gather the behaviors of all shards of an approach's coalitions."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards

with job(snakemake, f"gather {wildcards.approach}/{wildcards.distribution}") as params:
    from diffcredit.behaviors import table
    from diffcredit.files import read_table

    gathered = table.gather(
        [read_table(path) for path in snakemake.input.shards],
        [read_table(path) for path in snakemake.input.coalitions],
        wildcards.approach,
        wildcards.distribution,
        params.training_seeds,
    )
    table.write(gathered, snakemake.output)
