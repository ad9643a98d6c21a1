"""Inception score: are the samples recognizable, and do they cover the classes?"""

from itertools import pairwise

import numpy as np

from diffcredit.behaviors.evidence import Evidence


class InceptionScore:
    """exp E_x KL(p(y|x) || p(y)) with the extractor's probabilities (Salimans et al. 2016).

    The samples are split, as they come, into parts of equal size, and the score is the mean over
    the parts. Salimans et al. and SISS take 10 splits; Lu et al. 2025 (arXiv
    2407.03153) take one. More splits give a lower score, since p(y) is estimated from fewer
    samples. The network matters, too: the extractor inception has the 1,008 classes of the first
    Inception score, Lu et al. have 1,000 of another Inception network, SISS a classifier of its
    dataset as the extractor classifier is one.

    Args:
        reference: unused.
        splits: parts of the samples, which need 2 samples each.
    """

    def __init__(self, reference: Evidence, splits: int = 1):
        self.splits = splits

    def __call__(self, samples: Evidence) -> float:
        """Between 1 and the number of classes."""
        p = np.clip(samples.probabilities, 1e-16, None)
        ends = [part * len(p) // self.splits for part in range(self.splits + 1)]
        parts = [p[start:end] for start, end in pairwise(ends)]
        return float(np.mean([_score(part) for part in parts]))


def _score(p: np.ndarray) -> float:
    """Score of (n, classes) probabilities."""
    divergence = (p * (np.log(p) - np.log(p.mean(axis=0)))).sum(axis=1)
    return float(np.exp(divergence.mean()))
