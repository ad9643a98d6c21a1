"""Scores of the training images for the queries of behaviors, from features of gradients."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.gradients.settings import GradientSettings
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.attribution.image_scores.gradients import StoredFeatures
    from diffcredit.config import Full, Gradients, ScoreAttribution, Training
    from diffcredit.models import families
    from diffcredit.training.rates import mean_rates

    entry, gradients = ScoreAttribution(**params.score), Gradients(**params.gradients)
    features = StoredFeatures(
        [Path(folder) for folder in snakemake.input.features],
        {name: Path(folder) for name, folder in snakemake.params.models.items()},
        GradientSettings(
            gradients,
            families.of_settings(params.family),
            seeds.derive(params.seed, "gradients"),
        ),
        mean_rates(Full(**params.full), Training(**params.training)),
    )
    write_scores(
        Path(snakemake.output.scores),
        len(entry.dampings),
        gradients.models,
        features.score(entry),
    )
