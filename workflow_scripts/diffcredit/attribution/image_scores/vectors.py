"""Scores from features of images: projected gradients, or features of an extractor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffcredit.attribution.gradients.scores import decompose
from diffcredit.attribution.image_scores.arrays import ImageScores, by_behavior
from diffcredit.config import ScoreAttribution
from diffcredit.registry import SCORES


@dataclass(frozen=True)
class ComparedVectors:
    """The features of all images by one model at one snapshot, or by an extractor.

    Attributes:
        train: (n, Z) features of the training images.
        queries: (q, Z) features of each behavior's queries.
        residuals: (n,) of the training images, for methods that use them.
        model: number of the model.
        weight: of its scores in the sum over the model's snapshots.
    """

    train: np.ndarray
    queries: Mapping[str, np.ndarray]
    residuals: np.ndarray | None = None
    model: int = 0
    weight: float = 1.0


def score(entry: ScoreAttribution, seen: ComparedVectors) -> Iterator[ImageScores]:
    """The scores by each damping of an entry of the configuration."""
    method: Any = SCORES[entry.method.name].of(entry.method)
    queries = np.concatenate(list(seen.queries.values()))

    def found(number: int, scores: np.ndarray) -> ImageScores:
        return ImageScores(number, seen.model, by_behavior(seen.weight * scores, seen.queries))

    if not method.dampings:
        yield found(0, method(queries, seen.train))
        return
    spectrum = decompose(queries, seen.train)
    others: list[Any] = [seen.residuals] if method.residuals else []
    for number, damping in enumerate(entry.dampings):
        yield found(number, method(spectrum, damping, *others))
