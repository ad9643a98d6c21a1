"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991).

A set of images covers the balls around its features whose radii reach to the k-th nearest neighbor
in the set. Precision is the fraction of samples that the reference images cover; recall is the
fraction of reference images that the samples cover. The paper uses k = 3 and features of VGG-16.
Here the features are those of any extractor, and distances are not rounded to half precision as in
the code of Lu et al. 2025 (arXiv 2407.03153).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.config.counts import known_images
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count
from diffcredit.config.step_checks import at_most
from diffcredit.errors import UserError

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Config


def radii(features: np.ndarray, k: int) -> np.ndarray:
    """(n,) distance of each feature to its k-th nearest neighbor, itself not counted.

    Raises:
        UserError: if there are fewer than k other features.
    """
    if len(features) <= k:
        raise UserError(f"{len(features)} images have no {k} neighbors each; use a smaller k")
    return reduce_distances(features, features, lambda strip: np.partition(strip, k, axis=1)[:, k])


def covered(points: np.ndarray, centers: np.ndarray, reach: np.ndarray) -> float:
    """Fraction of the points that lie in the ball of any center."""
    inside = reduce_distances(points, centers, lambda strip: np.any(strip <= reach, axis=1))
    return float(inside.mean())


class NeighborMeasure(SampleMeasure, base=True):
    """Base of precision and recall."""

    class Options(SampleMeasure.Options):
        """The size of neighborhoods."""

        k: Count = Field(
            3, description="nearest neighbors of an image that span its ball, 1 or more"
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message if reference images, or samples, have fewer than k neighbors."""
            known, drawn = known_images(config.data), config.sampling.images
            others = None if known is None else known - 1
            found = at_most(f"{key}.k", self.k, others, "others of the training images")
            if self.k >= drawn:
                accepted = f"must be below sampling.images = {drawn}"
                found.append(problem(f"{key}.k", self.k, accepted))
            return found

    def prepare(self, reference: ImageFeatures) -> None:
        """Take the features of the reference images."""
        self.reference = reference.features


class Precision(NeighborMeasure):
    """Fraction of samples within the neighborhoods of reference images."""

    needs, better = "features", "higher"

    def prepare(self, reference: ImageFeatures) -> None:
        """Compute the radii of the reference images' neighborhoods."""
        super().prepare(reference)
        self.radii = radii(self.reference, self.options.k)

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 0 and 1."""
        return covered(samples.features, self.reference, self.radii)


class Recall(NeighborMeasure):
    """Fraction of reference images within the neighborhoods of samples."""

    needs, better = "features", "higher"

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 0 and 1."""
        reach = radii(samples.features, self.options.k)
        return covered(self.reference, samples.features, reach)
