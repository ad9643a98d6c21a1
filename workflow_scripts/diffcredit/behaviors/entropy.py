"""Diversity: entropy of the predicted classes of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.measure import SampleMeasure

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures


class Entropy(SampleMeasure):
    """Entropy in bits of the frequencies of the most probable class of each sample.

    This is not a published measure: it is the diversity over known classes instead of clusters.
    """

    needs, better = "probabilities", "higher"

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 0 and log2 of the number of classes."""
        from scipy.stats import entropy

        classes = samples.probabilities.shape[1]
        counts = np.bincount(samples.probabilities.argmax(axis=1), minlength=classes)
        return float(entropy(counts, base=2))
