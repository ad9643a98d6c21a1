"""Linear datamodeling score: do the values add up to what retraining gives?

LDS = Spearman correlation, over test coalitions, of the sum of the values of the kept contributors
and the measured behavior (Park et al. 2023; Zheng et al. 2024, arXiv 2311.00500), averaged over
training seeds and queries. The scores lie in [-1, 1]; papers print them times 100.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True)
class Truth:
    """Measured behaviors of the test coalitions.

    Attributes:
        masks: (m, N) bool.
        values: (r, m, Q) for r independent trainings of each coalition.
    """

    masks: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Score:
    """An LDS with its uncertainty.

    Attributes:
        lds: mean over training seeds and queries.
        low, high: bootstrap interval over coalitions.
        seed_sd: standard deviation over the training seeds; NaN for one seed.
    """

    lds: float
    low: float
    high: float
    seed_sd: float


def score(
    predictions: np.ndarray, truth: np.ndarray, resamples: int, confidence: float, seed: int
) -> Score:
    """LDS of predictions with a percentile bootstrap over coalitions.

    Args:
        predictions: (r, m, Q) predicted behavior, set against each training of ``truth``.
        truth: (r, m, Q) measured behavior.
        resamples: bootstrap resamples; whole coalitions are drawn, for all seeds and queries.
        confidence: level of the interval, in (0, 1).
        seed: of the resamples.
    """
    by_seed = _mean(spearman(predictions, truth), axis=1)
    rows = truth.shape[1]
    drawn = np.random.default_rng(seed).integers(0, rows, (resamples, rows))
    boot = np.stack(
        [
            _mean(spearman(predicted[drawn], measured[drawn]), axis=1)
            for predicted, measured in zip(predictions, truth, strict=True)
        ]
    ).mean(axis=0)
    told = boot[np.isfinite(boot)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(told, [tail, 1 - tail]) if len(told) else (np.nan, np.nan)
    spread = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else np.nan
    return Score(float(by_seed.mean()), float(low), float(high), spread)


def _mean(correlations: np.ndarray, axis: int) -> np.ndarray:
    """Mean without the NaN of queries that do not vary; NaN where none does."""
    counted = np.isfinite(correlations)
    total = np.where(counted, correlations, 0.0).sum(axis=axis)
    with np.errstate(invalid="ignore"):
        return total / counted.sum(axis=axis)


def spearman(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rank correlation along the second to last axis, ties averaged; NaN where one is constant.

    Args:
        left: (..., m, Q).
        right: (..., m, Q).

    Returns:
        (..., Q).
    """
    x, y = rankdata(left, axis=-2), rankdata(right, axis=-2)
    x -= x.mean(axis=-2, keepdims=True)
    y -= y.mean(axis=-2, keepdims=True)
    product = np.sqrt((x**2).sum(axis=-2) * (y**2).sum(axis=-2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(axis=-2) / product


def linear_predictions(values: np.ndarray, truth: Truth) -> np.ndarray:
    """(r, m, Q) sums over the kept contributors of their values (N, Q)."""
    predicted = truth.masks @ values
    return np.broadcast_to(predicted, truth.values.shape)


def retrained_predictions(truth: Truth) -> np.ndarray:
    """(r, m, Q) for the noise ceiling: each training predicted by the mean of the other ones."""
    others = truth.values.sum(axis=0) - truth.values
    return others / (len(truth.values) - 1)
