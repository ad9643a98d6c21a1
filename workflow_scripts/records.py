"""Convert behaviors that were recorded elsewhere to a table of behaviors."""

from diffcredit.jobs import job

with job(snakemake, f"records {snakemake.wildcards.table}") as params:
    from diffcredit.behaviors import table
    from diffcredit.behaviors.records import behaviors_of
    from diffcredit.config import RecordedTable, Records

    found = behaviors_of(
        snakemake.wildcards.table, RecordedTable(**params.table), Records(**params.records)
    )
    table.write(found, snakemake.output)
