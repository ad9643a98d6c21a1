"""Scores by the similarity of whole images, or of patches."""

from collections.abc import Mapping
from typing import Any

import torch

from diffcredit.attribution.image_scores.arrays import ImageScores, by_behavior
from diffcredit.attribution.image_scores.vectors import ComparedVectors, score
from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.config import ScoreAttribution
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.registry import SCORES


def by_features(
    entry: ScoreAttribution,
    extractor: Extractor,
    train: torch.Tensor,
    queries: Mapping[str, torch.Tensor],
) -> list[ImageScores]:
    """Scores by the similarity of extracted features of (n, c, h, w) uint8 images."""
    seen = {name: ImageFeatures(images, extractor).features for name, images in queries.items()}
    return list(score(entry, ComparedVectors(ImageFeatures(train, extractor).features, seen)))


def by_patches(
    entry: ScoreAttribution,
    train: Examples,
    queries: Mapping[str, Examples],
    family: Family,
    seed: int,
    device: str,
) -> list[ImageScores]:
    """Scores by the weights of patches in the optimal denoiser of the training images.

    Args:
        entry: of the configuration.
        train: all training images.
        queries: of each behavior.
        family: model family of the images.
        seed: of the noises.
        device: "cpu" or "cuda".
    """
    requested = torch.cat([family.clean(found) for found in queries.values()])
    method: Any = SCORES[entry.method.name].of(entry.method)
    clean = family.clean(train).to(device)
    weights = method(requested.to(device), clean, family.schedule, seed)
    return [ImageScores(0, 0, by_behavior(weights, queries))]
