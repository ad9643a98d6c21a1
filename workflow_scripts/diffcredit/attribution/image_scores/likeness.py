"""Scores by how alike images are: all at once, or patch by patch."""

from collections.abc import Mapping

import torch

from diffcredit.attribution.image_scores.arrays import Found, by_behavior
from diffcredit.attribution.image_scores.vectors import Seen, score
from diffcredit.attribution.similarity.patches import Scale
from diffcredit.behaviors.evidence import Evidence, Extractor
from diffcredit.config import Score
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.registry import SCORES, load


def by_features(
    entry: Score, extractor: Extractor, train: torch.Tensor, queries: Mapping[str, torch.Tensor]
) -> list[Found]:
    """By what an extractor makes of (n, c, h, w) uint8 images."""
    seen = {name: Evidence(images, extractor).features for name, images in queries.items()}
    return list(score(entry, Seen(Evidence(train, extractor).features, seen)))


def by_patches(
    entry: Score,
    train: Examples,
    queries: Mapping[str, Examples],
    family: Family,
    seed: int,
    device: str,
) -> list[Found]:
    """By the weights of patches in the best denoiser of the training images.

    Args:
        entry: of the configuration.
        train: all training images.
        queries: of each behavior.
        family: that the images are examples of.
        seed: of the noises.
        device: "cpu" or "cuda".
    """
    assert entry.patches is not None
    requested = torch.cat([family.clean(found) for found in queries.values()])
    weights = load(SCORES, entry.method)(
        requested.to(device),
        family.clean(train).to(device),
        entry.patches.timesteps,
        family.schedule,
        [Scale(scale.size, scale.pool) for scale in entry.patches.scales],
        seed=seed,
    )
    return [Found(0, 0, by_behavior(weights, queries))]
