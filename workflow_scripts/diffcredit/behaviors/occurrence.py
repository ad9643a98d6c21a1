"""How often a model draws given images."""

import numpy as np
from sklearn.metrics import pairwise_distances

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.evidence import Evidence

#: Share of the length of features below which a distance is that of an image to itself.
ROUNDING = 1e-4


class Occurrence:
    """Fraction of the samples that are an image, a value for each image.

    A sample is the image where its features are nearer to those of the image than ``within`` times
    their distance to the nearest other reference image: two images of the data are further apart.
    SISS (Alberti et al. 2025, arXiv 2503.01034) asks for a fixed ``distance`` instead: 10, of the
    pixels in [0, 1] of MNIST's 28x28 images.

    Args:
        queries: the images.
        reference: training images.
        within: share of the distance to the nearest other reference image.
        distance: largest distance itself, in units of the features; None: that of ``within``.
    """

    def __init__(
        self, queries: Evidence, reference: Evidence, within: float, distance: float | None = None
    ):
        self.queries = queries.features
        if distance is not None:
            self.radius = np.full(len(self.queries), distance)
            return
        same = ROUNDING * np.linalg.norm(self.queries, axis=1).max()
        nearest = reduce_distances(
            self.queries,
            reference.features,
            lambda distances: np.where(distances > same, distances, np.inf).min(axis=1),
        )
        self.radius = within * nearest

    def __call__(self, samples: Evidence) -> np.ndarray:
        """(queries,) between 0 and 1."""
        distances = pairwise_distances(self.queries, samples.features)
        return (distances < self.radius[:, None]).mean(axis=1)
