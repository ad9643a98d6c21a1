"""Make the models of a shard of coalitions."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = f"{wildcards.approach}/{wildcards.distribution} {wildcards.replicate}-{wildcards.shard}"

with job(snakemake, label) as params:
    import pandas as pd

    from diffcredit.config import Approach, Model, Training
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.files import read_table, resumable
    from diffcredit.models import checkpoints, ddpm
    from diffcredit.training import subsets
    from diffcredit.training.loop import make_accelerator
    from diffcredit.training.recipe import Recipe

    execution = snakemake.config["execution"]
    train = images.from_file(snakemake.input.train)
    _, side, _, channels = train.pixels.shape
    model = Model(**params.model)
    training = Training(**params.training)
    scratch = checkpoints.Description(ddpm.architecture(model, side, channels))
    start = checkpoints.load(snakemake.input.start) if snakemake.input.start else None
    coalitions = subsets.of_table(
        pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True),
        role=(wildcards.approach, wildcards.replicate),
    )
    with (
        device(execution, snakemake.threads) as (kind, _),
        resumable(snakemake.output.models) as folder,
    ):
        subsets.train_shard(
            coalitions,
            train,
            Recipe(
                Approach(**params.approach),
                start,
                scratch,
                training,
                model.timesteps,
            ),
            make_accelerator(training, kind),
            folder,
            execution["checkpoint_steps"],
            label,
        )
