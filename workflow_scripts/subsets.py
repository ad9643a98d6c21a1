"""Make the models of a shard of coalitions."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = f"{wildcards.approach}/{wildcards.distribution} {wildcards.training_seed}-{wildcards.shard}"

with job(snakemake, label) as params:
    import pandas as pd

    from diffcredit.config import Approach, Training
    from diffcredit.devices import device
    from diffcredit.files import read_table, resumable
    from diffcredit.models import checkpoints, examples, families
    from diffcredit.training import subsets
    from diffcredit.training.loop import make_accelerator
    from diffcredit.training.recipe import Recipe

    execution = snakemake.config["execution"]
    training = Training(**params.training)
    start = checkpoints.load(snakemake.input.start) if snakemake.input.start else None
    family = families.of_settings(params.family)
    coalitions = subsets.of_table(
        pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True),
        role=(wildcards.approach, wildcards.training_seed),
    )
    with (
        device(execution, snakemake.threads) as (kind, _),
        resumable(snakemake.output.models) as folder,
    ):
        subsets.train_shard(
            coalitions,
            examples.read(snakemake.input.examples),
            read_table(snakemake.input.train, ["contributor"])["contributor"].to_numpy(),
            Recipe.of_section(Approach(**params.approach), family, start, training),
            make_accelerator(training, kind),
            folder,
            execution["checkpoint_steps"],
            label,
        )
