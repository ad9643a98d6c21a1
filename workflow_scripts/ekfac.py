"""Scores of the training images for the queries of behaviors, by EK-FAC influence functions."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.gradients.setting import Setting
    from diffcredit.attribution.image_scores import influence
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.config import Gradients, ScoreAttribution
    from diffcredit.devices import device
    from diffcredit.models import pixels

    entry = ScoreAttribution(**params.score)
    at_once = snakemake.config["gradients"][entry.gradients]["batch_size"]
    gradients = Gradients(**params.gradients, batch_size=at_once)
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        seed = seeds.derive(params.seed, "gradients")
        found = influence.score(
            entry,
            Setting(gradients, params.timesteps, seed, kind),
            {name: Path(folder) for name, folder in snakemake.params.models.items()},
            pixels.read(snakemake.input.train),
            {Path(path).stem: pixels.read(path) for path in snakemake.input.queries},
        )
        write_scores(Path(snakemake.output.scores), len(entry.dampings), gradients.models, found)
