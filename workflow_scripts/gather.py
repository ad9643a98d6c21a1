"""Gather the behaviors of all shards of an approach's coalitions."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards

with job(snakemake, f"gather {wildcards.approach}/{wildcards.distribution}"):
    from pathlib import Path

    from diffcredit.behaviors.table import gather
    from diffcredit.files import read_table, write_table

    table = gather(
        [read_table(shard) for shard in snakemake.input.shards],
        [int(Path(shard).stem.split("-")[0]) for shard in snakemake.input.shards],
        [read_table(table) for table in snakemake.input.coalitions],
    )
    write_table(table, snakemake.output.behaviors)
