"""Probabilities of coalition sizes that several distributions share."""

from __future__ import annotations

import numpy as np


def log(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms, with minus infinity for 0."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def shapley_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) for s = 0..N of the Shapley kernel: ~ (N-1) / (s (N-s)) on 1..N-1.

    Covert & Lee 2021 (arXiv 2012.01536), eq. 5, summed over the coalitions of one size.
    """
    sizes = np.arange(1, contributors)
    weight = np.zeros(contributors + 1)
    weight[1:contributors] = (contributors - 1) / (sizes * (contributors - sizes))
    return weight / weight.sum()


def log_binomial_probabilities(contributors: int) -> np.ndarray:
    """Logarithms of C(N, s) / 2^N, where each contributor is kept with probability 1/2.

    2^-N itself is 0 in floating point for thousands of contributors.
    """
    from scipy.special import gammaln

    sizes = np.arange(contributors + 1)
    ways = gammaln(contributors + 1) - gammaln(sizes + 1) - gammaln(contributors - sizes + 1)
    return ways - contributors * np.log(2)


def log_one_size(contributors: int, size: int) -> np.ndarray:
    """Logarithms of the size probabilities for a fixed size."""
    return log(np.arange(contributors + 1) == size)


def of_size(size: int, contributors: int, rng: np.random.Generator) -> np.ndarray:
    """(N,) mask of a uniformly random coalition of a size."""
    mask = np.zeros(contributors, dtype=bool)
    mask[rng.choice(contributors, size, replace=False)] = True
    return mask
