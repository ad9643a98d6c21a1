"""Bring behaviors that were recorded elsewhere into a table of behaviors."""

from diffcredit.logs import job

with job(snakemake.log[0], f"records {snakemake.wildcards.table}"):
    from diffcredit.behaviors.records import behaviors_of
    from diffcredit.config import RecordedTable, Records
    from diffcredit.files import write_table

    table = behaviors_of(
        RecordedTable(**snakemake.params.table), Records(**snakemake.params.records)
    )
    write_table(table, snakemake.output.behaviors)
