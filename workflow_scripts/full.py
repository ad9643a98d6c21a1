"""Train the model on everything, or once more from another seed; or read it."""

from diffcredit.jobs import job

number = snakemake.wildcards.get("number")

with job(snakemake, f"full again {number}" if number else "full") as params:
    from contextlib import nullcontext
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Full, Model, Training
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.files import resumable
    from diffcredit.training import everything

    settings, target = Full(**params.full), Path(snakemake.output.model)
    if settings.pretrained is not None:
        everything.pretrained(Path(settings.pretrained), target)
        everything.warn_of_another_network(target, Model(**params.model))
    else:
        execution = snakemake.config["execution"]
        role = ("full", params.number) if params.number else ("full",)
        asked = snakemake.output.snapshots
        with (
            device(execution, snakemake.threads, execution["gpus"]) as (kind, count),
            resumable(asked) if asked else nullcontext() as snapshots,
        ):
            everything.full(
                images.from_file(snakemake.input.train),
                Model(**params.model),
                settings,
                Training(**params.training),
                seeds.derive(params.seed, *role),
                everything.Place(
                    target,
                    kind,
                    count,
                    execution["checkpoint_steps"],
                    snapshots,
                ),
            )
