"""Gradient features of a shard of training images, or of the queries of a behavior."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = (
    f"gradients {wildcards.gradients} {wildcards.number}-{wildcards.snapshot} "
    f"{wildcards.kind} {wildcards.part}"
)

with job(snakemake, label) as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.gradients import store
    from diffcredit.attribution.gradients.settings import GradientSettings, write_features
    from diffcredit.config import Gradients
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.models import checkpoints, examples, families

    execution = snakemake.config["execution"]
    # How many images are computed at a time changes nothing.
    at_once = snakemake.config["gradients"][wildcards.gradients]["batch_size"]
    gradients = Gradients(**params.gradients, batch_size=at_once)
    family = families.of_settings(params.family)
    if wildcards.kind == "train":
        images = examples.read(snakemake.input.images)
    else:
        images = family.encode(tensors.read(snakemake.input.images))
    model = Path(snakemake.params.model)
    with device(execution, snakemake.threads) as (kind, _):
        setting = GradientSettings(gradients, family, seeds.derive(params.seed, "gradients"), kind)
        if wildcards.kind == "train":
            dimensions = setting.projector(checkpoints.load(model).network).dimensions
            store.check_memory(len(images), dimensions)
            images = images[store.shard(len(images), params.shards, int(wildcards.part))]
        if wildcards.kind == "trajectory":
            noise = seeds.derive(params.seed, "initial noise")
            sampler = checkpoints.load(snakemake.input.sampler)
            of = setting.journey(sampler, len(images), params.steps, noise)
            along = "journey"
        else:
            of, along = setting.noised(images), "noise"
        write_features(Path(snakemake.output.features), setting, model, of, along, label)
