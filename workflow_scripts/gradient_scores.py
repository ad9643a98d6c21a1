"""Scores of the training images for the queries of behaviors, from features of gradients."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.gradients.settings import GradientSettings
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.attribution.image_scores.gradients import SnapshotFeatures, StoredFeatures
    from diffcredit.config import Full, Gradients, ScoreAttribution, Training
    from diffcredit.models import families
    from diffcredit.training.rates import mean_rates

    entry, gradients = ScoreAttribution(**params.score), Gradients(**params.gradients)
    features = StoredFeatures(
        [SnapshotFeatures.of_paths(**place) for place in snakemake.params.models],
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
