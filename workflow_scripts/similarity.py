"""Scores of the training images for the queries of behaviors, by similarity."""

from diffcredit.jobs import job

with job(snakemake, f"scores {snakemake.wildcards.score}") as params:
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.attribution.image_scores.arrays import write_scores
    from diffcredit.attribution.image_scores.likeness import by_features, by_patches
    from diffcredit.behaviors.image_features import load_extractors
    from diffcredit.config import ScoreAttribution
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.models import examples, families
    from diffcredit.registry import SCORES

    entry = ScoreAttribution(**params.score)
    queries = dict(zip(params.names, map(tensors.read, snakemake.input.queries), strict=True))
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        if SCORES[entry.method.name].made_of == "features":
            (extractor,) = load_extractors(params.extractors, kind).values()
            found = by_features(entry, extractor, tensors.read(snakemake.input.train), queries)
        else:
            family, seed = families.of_settings(params.family), seeds.derive(params.seed, "patches")
            train = examples.read(snakemake.input.train)
            encoded = {name: family.encode(images) for name, images in queries.items()}
            found = by_patches(entry, train, encoded, family, seed, kind)
    write_scores(Path(snakemake.output.scores), len(entry.dampings), 1, found)
