"""Train the model on everything."""

from diffcredit.logs import job

with job(snakemake.log[0], "full"):
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Full, Model, Training
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.training import everything

    execution = snakemake.config["execution"]
    with device(execution["device"], snakemake.threads, execution["gpus"]) as (kind, count):
        everything.full(
            images.from_file(snakemake.input.train),
            Model(**snakemake.params.model),
            Full(**snakemake.params.full),
            Training(**snakemake.params.training),
            seeds.derive(snakemake.params.seed, "full"),
            everything.Place(
                Path(snakemake.output.model), kind, count, execution["checkpoint_steps"]
            ),
        )
