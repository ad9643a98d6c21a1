"""Convert behaviors that were recorded elsewhere to a table of behaviors."""

from diffcredit.jobs import job

with job(snakemake, f"records {snakemake.wildcards.table}") as params:
    from diffcredit.behaviors.records import behaviors_of
    from diffcredit.config import RecordedTable, Records
    from diffcredit.files import write_table

    table = behaviors_of(RecordedTable(**params.table), Records(**params.records))
    write_table(table, snakemake.output.behaviors)
