"""Train the model on everything, or once more from another seed; or read it."""

from diffcredit.logs import job

number = snakemake.params.number

with job(snakemake.log[0], f"full again {number}" if number else "full"):
    from contextlib import nullcontext
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Full, Model, Training
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.files import resumable
    from diffcredit.training import everything

    settings, target = Full(**snakemake.params.full), Path(snakemake.output.model)
    if settings.pretrained is not None:
        everything.pretrained(Path(settings.pretrained), target)
    else:
        execution = snakemake.config["execution"]
        role = ("full", number) if number else ("full",)
        asked = snakemake.output.snapshots
        with (
            device(execution["device"], snakemake.threads, execution["gpus"]) as (kind, count),
            resumable(asked) if asked else nullcontext() as snapshots,
        ):
            everything.full(
                images.from_file(snakemake.input.train),
                Model(**snakemake.params.model),
                settings,
                Training(**snakemake.params.training),
                seeds.derive(snakemake.params.seed, *role),
                everything.Place(
                    target,
                    kind,
                    count,
                    execution["checkpoint_steps"],
                    snapshots,
                ),
            )
