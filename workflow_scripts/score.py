"""Measure the behaviors of the models of a shard on their samples."""

from diffcredit.jobs import job
from diffcredit.logs import logger

wildcards = snakemake.wildcards
label = (
    f"score of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.training_seed}-{wildcards.shard}"
)

with job(snakemake, label) as params:
    import pandas as pd

    from diffcredit.behaviors import measured, scoring
    from diffcredit.behaviors.image_features import load_extractors, places_seen
    from diffcredit.behaviors.noise import noise_doubt
    from diffcredit.config import Behavior
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.files import read_tensors
    from diffcredit.samples import read_shard

    compared = {"reference": tensors.read(snakemake.input.reference)}
    if snakemake.input.full:
        compared["full"] = read_tensors(snakemake.input.full)[0]["images"]
    drawn = read_shard(snakemake.input.samples)
    behaviors = {name: Behavior(**given) for name, given in params.behaviors.items()}
    searching = [name for name, behavior in behaviors.items() if behavior.compares == "queries"]
    queries = dict(zip(searching, map(tensors.read, snakemake.input.queries), strict=True))

    def measure(names: list[str]) -> pd.DataFrame:
        """The table of some of the behaviors."""
        chosen = {name: behaviors[name] for name in names}
        places = places_seen(params.extractors, chosen)
        with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
            return scoring.score_shard(
                drawn,
                compared,
                {name: images for name, images in queries.items() if name in names},
                load_extractors(places, kind),
                chosen,
            )

    measured.complete(snakemake.output.behaviors, snakemake.input.samples, params.marks, measure)
    # Untrained models draw noise, as they should.
    if wildcards.distribution != "none":
        images = (one.images() for one in drawn)
        if doubt := noise_doubt(images, compared["reference"]):
            logger.warning("%s", doubt)
