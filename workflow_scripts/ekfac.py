"""Scores of the training images for the queries of behaviors, by EK-FAC influence functions."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.gradients.settings import GradientSettings
    from diffcredit.attribution.image_scores import influence
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.config import Gradients, ScoreAttribution
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.models import examples, families

    entry = ScoreAttribution(**params.score)
    at_once = snakemake.config["gradients"][entry.gradients]["batch_size"]
    gradients = Gradients(**params.gradients, batch_size=at_once)
    family = families.of_settings(params.family)
    queries = {
        name: family.encode(tensors.read(path))
        for name, path in zip(params.names, snakemake.input.queries, strict=True)
    }
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        seed = seeds.derive(params.seed, "gradients")
        found = influence.score(
            entry,
            GradientSettings(gradients, family, seed, kind),
            [(place["number"], Path(place["model"])) for place in snakemake.params.models],
            examples.read(snakemake.input.train),
            queries,
        )
        write_scores(Path(snakemake.output.scores), len(entry.dampings), gradients.models, found)
