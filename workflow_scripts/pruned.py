"""Prune the full model and fine-tune it on all images."""

from diffcredit.jobs import job

with job(snakemake, "pruned") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Pruned, Training
    from diffcredit.devices import device
    from diffcredit.models import examples
    from diffcredit.training import full_models

    execution = snakemake.config["execution"]
    with device(execution, snakemake.threads, execution["gpus"]) as (kind, count):
        full_models.pruned(
            examples.read(snakemake.input.examples),
            Path(snakemake.input.full),
            Pruned(**params.pruned),
            Training(**params.training),
            seeds.derive(params.seed, "pruned"),
            Path(snakemake.output.model),
            full_models.TrainingResources(kind, count, execution["checkpoint_steps"]),
        )
