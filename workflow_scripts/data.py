"""Read and sample the images, assign contributors, plant corrupted images and inject copies."""

from diffcredit.jobs import configuration, job
from diffcredit.logs import logger

with job(snakemake, "data") as params:
    from pathlib import Path

    import pandas as pd

    from diffcredit import seeds
    from diffcredit.config import Data
    from diffcredit.config.behavior_checks import too_few_queries
    from diffcredit.config.demonstration import unfit_defaults
    from diffcredit.config.options import build
    from diffcredit.data import contributors, images
    from diffcredit.data.doubts import data_doubts
    from diffcredit.data.injection import inject
    from diffcredit.data.removal import of_training
    from diffcredit.data.selection import select
    from diffcredit.errors import UserError
    from diffcredit.files import write_table
    from diffcredit.registry import DATASETS

    settings, seed = Data(**params.data), params.seed
    # Steps and model are no params of the data, which stays as it is when they change.
    config = configuration(snakemake.config)
    if warning := unfit_defaults(config):
        logger.warning("%s", warning)
    selected = select(
        build(DATASETS, settings.source).read(settings, Path()),
        settings,
        held_out_seed=seeds.derive(seed, "held out"),
        images_seed=seeds.derive(seed, "images"),
    )
    prepared = contributors.prepare(
        selected,
        settings,
        deal_seed=seeds.derive(seed, "deal"),
        plant_seed=seeds.derive(seed, "plant"),
    )
    for doubt in data_doubts(prepared.train, prepared.contributors["name"].tolist()):
        logger.warning("%s", doubt)
    # Afterwards, so that deal and noise are those without it.
    prepared = inject(prepared, settings, Path())
    # The data is the same whatever is removed and asked for, but what cannot be is told before any
    # training.
    there = {"train": len(prepared.train_names)}
    if config.unlearning and not config.unlearning.remove.cluster:
        names = prepared.contributors["name"].tolist()
        removed = of_training(
            config.unlearning.remove,
            prepared.train,
            prepared.train_names,
            names,
            selected.label_names,
        )
        there["retained"] = len(removed.retained)
    if too_few := too_few_queries(config.behaviors, there):
        raise UserError("\n".join(["The data has too few images:", *too_few]))
    table = images.to_table(prepared.train, "train")
    train = images.with_origin(table, rows=range(len(table))).assign(
        name=prepared.train_names,
        label_name=images.named(prepared.train.labels, selected.label_names),
    )
    write_table(train, snakemake.output.train)
    write_table(images.to_table(prepared.reference, "reference"), snakemake.output.reference)
    write_table(images.to_table(selected.held_out, "held_out"), snakemake.output.held_out)
    write_table(prepared.contributors, snakemake.output.contributors)
    write_table(pd.DataFrame({"contributor": prepared.planted}), snakemake.output.planted)
