"""Sample images from the models of a shard."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = (
    f"samples of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.training_seed}-{wildcards.shard}"
)

with job(snakemake, label) as params:
    from pathlib import Path

    from diffcredit import sampling, seeds
    from diffcredit.config import Sampling
    from diffcredit.devices import device

    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        sampling.sample_shard(
            Path(snakemake.input.models),
            Sampling(**params.sampling),
            seeds.derive(params.seed, "initial noise"),
            kind,
            Path(snakemake.output.samples),
            label,
        )
