"""Frechet distance between the features of samples and of reference images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.logs import logger

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures


def frechet_distance(
    mean1: np.ndarray, covariance1: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray
) -> float:
    """||m1 - m2||^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two Gaussians (Dowson & Landau 1982).

    The trace of the square root is the sum of the square roots of the eigenvalues of S1^(1/2) S2
    S1^(1/2). This matrix is symmetric, which avoids complex numbers and the matrix square root of
    S1 S2.
    """
    return _distance(mean1, covariance1, square_root(covariance1), mean2, covariance2)


def square_root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _distance(
    mean1: np.ndarray,
    covariance1: np.ndarray,
    root1: np.ndarray,
    mean2: np.ndarray,
    covariance2: np.ndarray,
) -> float:
    product = np.linalg.eigvalsh(root1 @ covariance2 @ root1)
    trace = np.trace(covariance1) + np.trace(covariance2)
    trace -= 2 * np.sqrt(np.clip(product, 0, None)).sum()
    return float(np.sum((mean1 - mean2) ** 2) + trace)


class Fid(SampleMeasure):
    """Frechet distance to the features of the reference images (Heusel et al. 2017).

    With the extractor inception it is clean-fid's FID (Parmar et al. 2022, arXiv 2104.11222).
    pytorch-fid, which Lu et al. 2025 (arXiv 2407.03153) use, resizes without antialiasing, so its
    values differ. Both add 1e-6 to the diagonals of covariances whose product has no finite square
    root; the eigenvalues used here need no such correction.

    The square root of the reference's covariance, half of the work, is computed once for all
    models.
    """

    needs, better = "features", "lower"

    def prepare(self, reference: ImageFeatures) -> None:
        """Compute mean, covariance and its square root of the reference images' features."""
        self.told = False
        self._tell_rank(reference, "reference")
        self.mean = reference.features.mean(axis=0)
        self.covariance = np.cov(reference.features, rowvar=False)
        self.root = square_root(self.covariance)

    def __call__(self, samples: ImageFeatures) -> float:
        """At least 0, in squared units of the features."""
        if not self.told:
            self._tell_rank(samples, "drawn")
        covariance = np.cov(samples.features, rowvar=False)
        mean = samples.features.mean(axis=0)
        return _distance(self.mean, self.covariance, self.root, mean, covariance)

    def _tell_rank(self, of: ImageFeatures, which: str) -> None:
        """Warn once if there are too few images to determine the covariance."""
        images, features = of.features.shape
        if images > features:
            return
        self.told = True
        logger.warning(
            "fid: %d %s images do not determine the covariance of %d features: values are too "
            "large, and compare only with those of equally many images\n"
            "  Hint: more images (sampling.images, or of the data) than features",
            images,
            which,
            features,
        )
