"""Scores by how alike images are: all at once, or patch by patch."""

from collections.abc import Mapping
from typing import Any

import torch

from diffcredit.attribution.image_scores.arrays import Found, by_behavior
from diffcredit.attribution.image_scores.vectors import Seen, score
from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.config import ScoreAttribution
from diffcredit.models.pixels import from_uint8
from diffcredit.registry import SCORES


def by_features(
    entry: ScoreAttribution,
    extractor: Extractor,
    train: torch.Tensor,
    queries: Mapping[str, torch.Tensor],
) -> list[Found]:
    """By what an extractor makes of (n, c, h, w) uint8 images."""
    seen = {name: ImageFeatures(images, extractor).features for name, images in queries.items()}
    return list(score(entry, Seen(ImageFeatures(train, extractor).features, seen)))


def by_patches(
    entry: ScoreAttribution,
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
    asked = torch.cat(list(queries.values())).to(train.device)
    method: Any = SCORES[entry.method.name].of(entry.method)
    weights = method(from_uint8(asked), from_uint8(train), levels, seed)
    return [Found(0, 0, by_behavior(weights, queries))]
