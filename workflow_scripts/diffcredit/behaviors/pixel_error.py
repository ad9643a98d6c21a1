"""Pixel errors of images against the full model's images from the same noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.measure import PairMeasure

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures

# The length of an image of the darkest gray, used for a black image.
DARKEST = 1 / 255


class Mse(PairMeasure):
    """Mean squared error of the pixels in [0, 1], a value for each of the first initial noises.

    Lower is better: removing contributors that matter for an image changes it.
    """

    needs, better = None, "lower"

    def prepare(self, full: ImageFeatures) -> None:
        """Take the pixels of the full model's images."""
        self.full = full.first(self.options.queries).features

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) between 0 and 1."""
        return ((samples.first(len(self.full)).features - self.full) ** 2).mean(axis=1)


class Nrmse(Mse):
    """Root of the mean squared error, divided by the root mean square of the full model's image.

    This is scikit-image's default normalization (euclidean), as in Lu et al. 2025 (arXiv
    2407.03153); a black image counts as an image of the darkest gray.
    """

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) 0 or more."""
        scale = np.sqrt((self.full**2).mean(axis=1))
        return np.sqrt(super().__call__(samples)) / np.maximum(scale, DARKEST)
