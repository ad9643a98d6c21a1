"""The LDS of every attribution, the noise ceiling, and the number of images as a baseline."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "lds") as params:
    from diffcredit import seeds
    from diffcredit.behaviors import table
    from diffcredit.config import Lds
    from diffcredit.evaluation.doubts import lds_doubts
    from diffcredit.evaluation.lds_table import lds_table
    from diffcredit.files import read_table, write_csv, write_table

    found = lds_table(
        dict(zip(params.names, map(read_table, snakemake.input.attributions), strict=True)),
        table.read(snakemake.input.truth),
        read_table(snakemake.input.contributors)["size"].to_numpy(),
        Lds(**params.lds),
        seeds.derive(params.seed, "lds"),
    )
    for doubt in lds_doubts(found):
        logger.warning("%s", doubt)
    write_table(found, snakemake.output.parquet)
    write_csv(found, snakemake.output.csv)
