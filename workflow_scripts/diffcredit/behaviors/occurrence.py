"""How often given images occur among a model's samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.measure import QueryMeasure
from diffcredit.config.sections import Rate

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures

#: Distances below this fraction of the features' length count as 0.
ROUNDING = 1e-4


class Occurrence(QueryMeasure):
    """Fraction of the samples that are copies of an image, one value for each image.

    A sample is a copy if its features are nearer to the image's features than ``within`` times
    their distance to the nearest other reference image. SISS (Alberti et al. 2025, arXiv
    2503.01034) uses a fixed ``distance`` instead: 10, for pixels in [0, 1] of MNIST's 28x28 images.
    """

    needs, better = "features", "higher"

    class Options(QueryMeasure.Options):
        """The distance up to which a sample counts as a copy of an image."""

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
        """Compute the features of the query images, and the largest distance of a copy from each.

        Args:
            queries: the images to search for.
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
