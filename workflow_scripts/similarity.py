"""Scores of the training images for the queries of behaviors, by how alike they are."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.attribution.image_scores.likeness import by_features, by_patches
    from diffcredit.behaviors.image_features import load_extractors
    from diffcredit.config import ScoreAttribution
    from diffcredit.devices import device
    from diffcredit.models import pixels
    from diffcredit.registry import SCORES

    entry = ScoreAttribution(**params.score)
    train = pixels.read(snakemake.input.train)
    queries = {Path(path).stem: pixels.read(path) for path in snakemake.input.queries}
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        if SCORES[entry.method.name].made_of == "features":
            (extractor,) = load_extractors(params.extractors, kind).values()
            found = by_features(entry, extractor, train, queries)
        else:
            seed = seeds.derive(params.seed, "patches")
            found = by_patches(entry, train.to(kind), queries, params.timesteps, seed)
    write_scores(Path(snakemake.output.scores), len(entry.dampings), 1, found)
