"""Measure the behaviors of the models of a shard on their images."""

from diffcredit.jobs import job
from diffcredit.logs import logger

wildcards = snakemake.wildcards
label = (
    f"score of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.replicate}-{wildcards.shard}"
)

with job(snakemake, label) as params:
    from pathlib import Path

    from diffcredit.behaviors import evidence, scoring
    from diffcredit.behaviors.noise import noise_doubt
    from diffcredit.config import Behavior
    from diffcredit.devices import device
    from diffcredit.files import read_tensors, write_table
    from diffcredit.models import pixels
    from diffcredit.samples import read_shard

    compared = {"reference": pixels.read(snakemake.input.reference)}
    if snakemake.input.full:
        compared["full"] = read_tensors(snakemake.input.full)[0]["images"]
    drawn = read_shard(snakemake.input.samples)
    queries = {Path(path).stem: pixels.read(path) for path in snakemake.input.queries}
    with device(snakemake.config["execution"]["device"], snakemake.threads) as (kind, _):
        table = scoring.score_shard(
            drawn,
            compared,
            queries,
            evidence.load_extractors(params.extractors, kind),
            {name: Behavior(**b) for name, b in params.behaviors.items()},
        )
    # Untrained models draw noise, as they should.
    if wildcards.distribution != "none":
        images = (one.images() for one in drawn)
        if doubt := noise_doubt(images, compared["reference"]):
            logger.warning("%s", doubt)
    write_table(table, snakemake.output.behaviors)
