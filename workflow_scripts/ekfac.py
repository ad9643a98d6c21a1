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
        Path(path).stem: family.encode(tensors.read(path)) for path in snakemake.input.queries
    }
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        seed = seeds.derive(params.seed, "gradients")
        found = influence.score(
            entry,
            GradientSettings(gradients, family, seed, kind),
            {name: Path(folder) for name, folder in snakemake.params.models.items()},
            examples.read(snakemake.input.train),
            queries,
        )
        write_scores(Path(snakemake.output.scores), len(entry.dampings), gradients.models, found)
