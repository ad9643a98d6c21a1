"""Train the full model, or another one of the ensemble; or read a pretrained model."""

from diffcredit.jobs import job

number = snakemake.wildcards.get("number")

with job(snakemake, f"full again {number}" if number else "full") as params:
    from contextlib import nullcontext
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Full, Training
    from diffcredit.devices import device
    from diffcredit.files import resumable
    from diffcredit.models import examples, families
    from diffcredit.training import full_models

    settings, target = Full(**params.full), Path(snakemake.output.model)
    family = families.of_settings(params.family)
    if settings.pretrained is not None:
        full_models.pretrained(Path(settings.pretrained), family, target)
    else:
        execution = snakemake.config["execution"]
        role = ("full", params.number) if params.number else ("full",)
        requested = snakemake.output.snapshots
        with (
            device(execution, snakemake.threads, execution["gpus"]) as (kind, count),
            resumable(requested) if requested else nullcontext() as snapshots,
        ):
            full_models.full(
                examples.read(snakemake.input.examples),
                family,
                settings,
                Training(**params.training),
                seeds.derive(params.seed, *role),
                target,
                full_models.TrainingResources(kind, count, execution["checkpoint_steps"]),
                snapshots,
                params.number,
            )
