"""Whether the attributions detect the planted contributors."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "planted") as params:
    from diffcredit.evaluation.doubts import planted_doubts
    from diffcredit.evaluation.planted import planted_table
    from diffcredit.files import read_table, write_csv, write_table

    table = planted_table(
        dict(zip(params.names, map(read_table, snakemake.input.attributions), strict=True)),
        params.better,
        read_table(snakemake.input.planted)["contributor"].to_numpy(),
    )
    attribution = read_table(snakemake.input.attributions[0])
    planted = len(read_table(snakemake.input.planted))
    for doubt in planted_doubts(planted, attribution["contributor"].nunique()):
        logger.warning("%s", doubt)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
