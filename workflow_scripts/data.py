"""Read and draw the images, deal or read whose they are, plant spoiled ones and inject one."""

from diffcredit.logs import job

with job(snakemake.log[0], "data"):
    from pathlib import Path

    import pandas as pd

    from diffcredit import seeds
    from diffcredit.config import Data, Removal
    from diffcredit.data import contributors, images
    from diffcredit.data.injection import inject
    from diffcredit.data.selection import select
    from diffcredit.files import write_table
    from diffcredit.registry import DATASETS, load

    settings, seed = Data(**snakemake.params.data), snakemake.params.seed
    selected = select(
        load(DATASETS, settings.source)(settings, Path()),
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
    # Afterwards, so that deal and noise are those without it.
    prepared = inject(prepared, settings, Path())
    # The data is the same whatever is removed, but what cannot be is told before any training.
    unlearning = snakemake.config["unlearning"]
    if unlearning and not unlearning["remove"]["cluster"]:
        from diffcredit.data.removal import of_training

        names = prepared.contributors["name"].tolist()
        of_training(Removal(**unlearning["remove"]), prepared.train, prepared.train_names, names)
    train = images.to_table(prepared.train, "train").assign(name=prepared.train_names)
    write_table(train, snakemake.output.train)
    write_table(images.to_table(prepared.reference, "reference"), snakemake.output.reference)
    write_table(images.to_table(selected.held_out, "held_out"), snakemake.output.held_out)
    write_table(prepared.contributors, snakemake.output.contributors)
    write_table(pd.DataFrame({"contributor": prepared.planted}), snakemake.output.planted)
