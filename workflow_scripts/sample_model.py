"""Sample images from the full or the pruned model."""

from diffcredit.jobs import job

with job(snakemake, f"samples of {snakemake.wildcards.model}") as params:
    from diffcredit import samples, sampling, seeds
    from diffcredit.config import Sampling
    from diffcredit.devices import device
    from diffcredit.files import write_tensors
    from diffcredit.models import checkpoints

    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        images = sampling.draw(
            checkpoints.load(snakemake.input.model),
            Sampling(**params.sampling),
            seeds.derive(params.seed, "initial noise"),
            kind,
        )
    facts = {samples.PROMPTS: None, samples.ROWS: None}
    write_tensors({"images": images}, snakemake.output.images, facts)
