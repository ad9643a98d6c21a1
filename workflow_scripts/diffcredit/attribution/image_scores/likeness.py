"""Scores by how alike images are: all at once, or patch by patch."""

from collections.abc import Mapping

import torch

from diffcredit.attribution.image_scores.arrays import Found, by_behavior
from diffcredit.attribution.image_scores.vectors import Seen, score
from diffcredit.attribution.similarity.patches import Scale
from diffcredit.behaviors.evidence import Evidence, Extractor
from diffcredit.config import Score
from diffcredit.models.pixels import from_uint8
from diffcredit.registry import SCORES, load


def by_features(
    entry: Score, extractor: Extractor, train: torch.Tensor, queries: Mapping[str, torch.Tensor]
) -> list[Found]:
    """By what an extractor makes of (n, c, h, w) uint8 images."""
    seen = {name: Evidence(images, extractor).features for name, images in queries.items()}
    return list(score(entry, Seen(Evidence(train, extractor).features, seen)))


def by_patches(
    entry: Score,
    train: torch.Tensor,
    queries: Mapping[str, torch.Tensor],
    levels: int,
    seed: int,
) -> list[Found]:
    """By the weights of patches in the best denoiser of (n, c, h, w) uint8 images.

    Args:
        entry: of the configuration.
        train: on the device that computes.
        queries: of each behavior.
        levels: noise levels of the training schedule.
        seed: of the noises.
    """
    assert entry.patches is not None
    asked = torch.cat(list(queries.values())).to(train.device)
    weights = load(SCORES, entry.method)(
        from_uint8(asked),
        from_uint8(train),
        entry.patches.timesteps,
        levels,
        [Scale(scale.size, scale.pool) for scale in entry.patches.scales],
        seed=seed,
    )
    return [Found(0, 0, by_behavior(weights, queries))]
