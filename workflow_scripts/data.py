"""Read the images, deal or read whose they are, and plant the spoiled contributors."""

from diffcredit.logs import job

with job(snakemake.log[0], "data"):
    from pathlib import Path

    import pandas as pd

    from diffcredit import seeds
    from diffcredit.config import Data
    from diffcredit.data import contributors, images
    from diffcredit.files import write_table
    from diffcredit.registry import DATASETS, load

    settings = Data(**snakemake.params.data)
    prepared = contributors.prepare(
        load(DATASETS, settings.source)(settings, Path()),
        settings,
        deal_seed=seeds.derive(snakemake.params.seed, "deal"),
        plant_seed=seeds.derive(snakemake.params.seed, "plant"),
    )
    write_table(images.to_table(prepared.train, "train"), snakemake.output.train)
    write_table(images.to_table(prepared.reference, "reference"), snakemake.output.reference)
    write_table(prepared.contributors, snakemake.output.contributors)
    write_table(pd.DataFrame({"contributor": prepared.planted}), snakemake.output.planted)
