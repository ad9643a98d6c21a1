"""Scores from one vector for each image: gradients, pixels, or features of an extractor.

All take (q, d) vectors of queries and (n, d) vectors of training images, and return (q, n) scores,
larger for more similar vectors. They raise `UserError` if there are no vectors, their sizes differ,
or they are not finite.
"""

from __future__ import annotations

import numpy as np

from diffcredit.attribution.image_scores.method import ScoreMethod
from diffcredit.behaviors.image_features import unit
from diffcredit.errors import UserError


def dot(queries: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Inner products; of gradients: TracIn at one checkpoint (arXiv 2002.08484).

    With several checkpoints (TracInCP), checkpoints are weighted by their learning rates, as in its
    paper. D-TRAK's comparison (arXiv 2311.00500) weights them equally, which is the same for
    constant rates.
    """
    check(queries, train)
    return queries @ train.T


def cosine(queries: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Cosines, 0 for zero vectors; of gradients: GAS at one checkpoint (arXiv 2201.10055)."""
    check(queries, train)
    return unit(queries) @ unit(train).T


def distance(queries: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Negative Euclidean distances."""
    from sklearn.metrics.pairwise import euclidean_distances

    check(queries, train)
    return -euclidean_distances(queries, train)


def check(queries: np.ndarray, train: np.ndarray) -> None:
    """Raise `UserError` where (q, d) and (n, d) vectors cannot be scored."""
    if not len(queries) or not len(train):
        raise UserError(
            f"{len(train)} images and {len(queries)} queries: there is nothing to score"
        )
    if queries.shape[1] != train.shape[1]:
        raise UserError(
            f"features of images have {train.shape[1]} dimensions, those of queries "
            f"{queries.shape[1]}\n    Hint: both must be of one extractor, or of one projection"
        )
    if not (np.isfinite(train).all() and np.isfinite(queries).all()):
        raise UserError("features are not finite\n    Hint: the model's outputs may not be")


class VectorMethod(ScoreMethod):
    """A method that compares one vector of each training image with one of each query."""

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """(q, n) scores of (n, d) training images for (q, d) queries."""
        raise NotImplementedError


class Dot(VectorMethod):
    """Inner products of features."""

    made_of = "features"
    groups = "mean"

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """See `dot`."""
        return dot(queries, train)


class Cosine(VectorMethod):
    """Cosines of features."""

    made_of = "features"
    groups = "mean"

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """See `cosine`."""
        return cosine(queries, train)


class Distance(VectorMethod):
    """Minus the Euclidean distances of features."""

    made_of = "features"
    groups = "mean"

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """See `distance`."""
        return distance(queries, train)


class TracIn(VectorMethod):
    """Inner products of gradients over the snapshots of a training: TracInCP."""

    made_of = "gradients"
    rated = True

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """See `dot`."""
        return dot(queries, train)


class Gas(VectorMethod):
    """Cosines of gradients over the snapshots of a training: GAS."""

    made_of = "gradients"
    rated = True

    def __call__(self, queries: np.ndarray, train: np.ndarray) -> np.ndarray:
        """See `cosine`."""
        return cosine(queries, train)
