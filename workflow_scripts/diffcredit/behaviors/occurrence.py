"""How often a model draws given images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.measure import QueryMeasure
from diffcredit.config.sections import Rate

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures

#: Share of the length of features below which a distance is that of an image to itself.
ROUNDING = 1e-4


class Occurrence(QueryMeasure):
    """Fraction of the samples that are an image, a value for each image.

    A sample is the image where its features are nearer to those of the image than ``within`` times
    their distance to the nearest other reference image: two images of the data are further apart.
    SISS (Alberti et al. 2025, arXiv 2503.01034) asks for a fixed ``distance`` instead: 10, of the
    pixels in [0, 1] of MNIST's 28x28 images.
    """

    needs, better = "features", "higher"

    class Options(QueryMeasure.Options):
        """How near to an image a sample is that counts as it."""

        within: Rate = Field(
            0.5,
            description="largest distance of such samples, as a share of that to the nearest other "
            "reference image; above 0",
        )
        distance: Rate | None = Field(
            None,
            description="largest distance itself, in units of the features, as 10 of pixels in "
            "SISS; above 0; null: that of within",
        )

    def prepare(self, queries: ImageFeatures, reference: ImageFeatures) -> None:
        """Take the features of the query images, and how far from each a sample may be.

        Args:
            queries: the images that are looked for.
            reference: training images.
        """
        distance = self.options.distance
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
        self.radius = self.options.within * nearest

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) between 0 and 1."""
        from sklearn.metrics import pairwise_distances

        distances = pairwise_distances(self.queries, samples.features)
        return (distances < self.radius[:, None]).mean(axis=1)
