"""Similarity of an image's features to those of the full model's image from the same noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.measure import PairMeasure

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures


class Similarity(PairMeasure):
    """Cosine similarity of the features, a value for each of the first initial noises."""

    needs, better = "features", "higher"

    def prepare(self, full: ImageFeatures) -> None:
        """Take the features of the full model's images."""
        self.full = full.first(self.options.queries).directions

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) between -1 and 1."""
        return (samples.first(len(self.full)).directions * self.full).sum(axis=1)
