"""Diversity: entropy of the classes that the samples are taken for."""

import numpy as np
from scipy.stats import entropy

from diffcredit.behaviors.evidence import Evidence


class Entropy:
    """Entropy in bits of the frequencies of the most probable class of each sample.

    Not a published measure: it is diversity over known classes, without a clustering.
    """

    def __init__(self, reference: Evidence):
        pass

    def __call__(self, samples: Evidence) -> float:
        """Between 0 and log2 of the number of classes."""
        classes = samples.probabilities.shape[1]
        counts = np.bincount(samples.probabilities.argmax(axis=1), minlength=classes)
        return float(entropy(counts, base=2))
