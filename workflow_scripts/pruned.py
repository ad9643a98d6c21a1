"""Prune the full model and fine-tune it on everything."""

from diffcredit.jobs import job

with job(snakemake, "pruned") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Pruned, Training
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.training import everything

    execution = snakemake.config["execution"]
    with device(execution, snakemake.threads, execution["gpus"]) as (kind, count):
        everything.pruned(
            images.from_file(snakemake.input.train),
            Path(snakemake.input.full),
            Pruned(**params.pruned),
            Training(**params.training),
            params.timesteps,
            seeds.derive(params.seed, "pruned"),
            everything.Place(
                Path(snakemake.output.model), kind, count, execution["checkpoint_steps"]
            ),
        )
