"""The LDS of every attribution, the noise ceiling, and the number of images as a baseline."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "lds") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Lds
    from diffcredit.evaluation.doubts import lds_doubts
    from diffcredit.evaluation.lds_table import lds_table
    from diffcredit.files import read_table, write_csv, write_table

    table = lds_table(
        {Path(path).stem: read_table(path) for path in snakemake.input.attributions},
        read_table(snakemake.input.truth),
        read_table(snakemake.input.contributors)["size"].to_numpy(),
        Lds(**params.lds),
        seeds.derive(params.seed, "lds"),
    )
    for doubt in lds_doubts(table):
        logger.warning("%s", doubt)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
