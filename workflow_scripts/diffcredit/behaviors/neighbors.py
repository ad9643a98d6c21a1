"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991).

A set of images covers the balls around its features that reach to their k-th nearest neighbor in
the set. Precision is the part of the samples that the reference covers, recall the reverse. The
paper takes k = 3 and the features of VGG-16; here they are those of any extractor, and distances
are not rounded to half precision as in the code of Lu et al. 2025 (arXiv 2407.03153).
"""

import numpy as np

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.evidence import Evidence
from diffcredit.errors import UserError


def radii(features: np.ndarray, k: int) -> np.ndarray:
    """(n,) distance of each feature to its k-th nearest neighbor, itself not counted.

    Raises:
        UserError: if there are no k others.
    """
    if len(features) <= k:
        raise UserError(f"{len(features)} images have no {k} neighbors each; use a smaller k")
    return reduce_distances(features, features, lambda strip: np.partition(strip, k, axis=1)[:, k])


def covered(points: np.ndarray, centers: np.ndarray, reach: np.ndarray) -> float:
    """Part of the points that lie in the ball of any center."""
    inside = reduce_distances(points, centers, lambda strip: np.any(strip <= reach, axis=1))
    return float(inside.mean())


class Precision:
    """How many samples look like reference images."""

    def __init__(self, reference: Evidence, k: int = 3):
        self.reference = reference.features
        self.radii = radii(reference.features, k)

    def __call__(self, samples: Evidence) -> float:
        """Between 0 and 1."""
        return covered(samples.features, self.reference, self.radii)


class Recall:
    """How many reference images look like samples."""

    def __init__(self, reference: Evidence, k: int = 3):
        self.reference = reference.features
        self.k = k

    def __call__(self, samples: Evidence) -> float:
        """Between 0 and 1."""
        return covered(self.reference, samples.features, radii(samples.features, self.k))
