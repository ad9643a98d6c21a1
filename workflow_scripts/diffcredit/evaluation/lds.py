"""Linear datamodeling score: do the values add up to what retraining gives?

LDS = Spearman correlation, over test coalitions, of the sum of the values of the kept contributors
and the measured behavior (Park et al. 2023, arXiv 2303.14186), averaged over queries. Where each
test coalition is retrained with several training seeds, papers differ in what they average:

- ``correlations``: the behavior of each training seed is rank-correlated, and the correlations are
  averaged, as for crediting contributors (Lu et al. 2025, arXiv 2407.03153);
- ``values``: the behaviors are averaged over the training seeds and rank-correlated once, as for
  D-TRAK (Zheng et al. 2024, arXiv 2311.00500). With less noise in the truth, the scores are higher.

The noises of a measured loss are averaged before, either way (`denoising_loss`). The scores lie in
[-1, 1]; papers print them times 100.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diffcredit.evaluation.intervals import jackknife_interval
from diffcredit.ranks import mean, spearman

#: Ranks, of queries in resamples, that are in memory at a time.
RANKS_AT_ONCE = 2**22

#: What is averaged over the training seeds.
Average = Literal["correlations", "values"]


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
class LdsResult:
    """An LDS with its uncertainty.

    Attributes:
        lds: mean over queries, and over training seeds as `Average` says.
        low, high: bootstrap interval over coalitions.
        query_low, query_high: bootstrap interval over queries; NaN for one query.
        seed_low, seed_high: Student's interval over training seeds, by leaving out one at a time;
            NaN for one seed.
        seed_sd: standard deviation of the scores against single training seeds; NaN for one seed.
    """

    lds: float
    low: float
    high: float
    query_low: float
    query_high: float
    seed_low: float
    seed_high: float
    seed_sd: float


def score(
    predictions: np.ndarray,
    truth: np.ndarray,
    resamples: int,
    confidence: float,
    seed: int,
    average: Average = "correlations",
) -> LdsResult:
    """LDS of predictions with a percentile bootstrap over coalitions.

    Args:
        predictions: (r, m, Q) predicted behavior, set against each training of ``truth``.
        truth: (r, m, Q) measured behavior.
        resamples: bootstrap resamples; whole coalitions are drawn, for all seeds and queries.
        confidence: level of the intervals, in (0, 1).
        seed: of the resamples.
        average: what is averaged over the r training seeds.
    """
    used = _averaged(predictions, truth, average)
    correlations = spearman(*used)
    by_seed = mean(spearman(predictions, truth), axis=1)
    rng = np.random.default_rng(seed)
    counts = _resamples(rng, truth.shape[1], resamples)
    boot = np.stack(
        [
            mean(resampled_spearman(predicted, measured, counts), axis=1)
            for predicted, measured in zip(*used, strict=True)
        ]
    ).mean(axis=0)
    lds = float(mean(correlations, axis=1).mean())
    low, high = _interval(boot, confidence)
    query_low, query_high = _over_queries(mean(correlations, axis=0), rng, resamples, confidence)
    left_out = _without_each_seed(predictions, truth, average)
    seed_low, seed_high = np.clip(jackknife_interval(lds, left_out, confidence), -1, 1)
    seed_sd = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else np.nan
    return LdsResult(
        lds, low, high, query_low, query_high, float(seed_low), float(seed_high), seed_sd
    )


def ceiling(
    truth: Truth, resamples: int, confidence: float, seed: int, average: Average = "correlations"
) -> LdsResult:
    """The noise ceiling: what retraining the test coalitions again scores. Needs r >= 2 trainings.

    Of ``correlations``: each training is predicted by the mean of the other ones.

    Of ``values``: what the means over r other trainings would score against the means over these
    r. The mean correlation c of two trainings, over pairs and queries, makes it r c / (1 + (r - 1)
    c) (Spearman 1910; Brown 1910), exact for Pearson's correlation where trainings differ by
    independent noise of one variance; c itself where it is 0 or below.

    A prediction without noise can score above it: for two trainings, and of ``values``, up to
    about the square root of the ceiling.

    Arguments as of `score`. The trainings predict each other, so there is no interval over them.
    """
    trainings = len(truth.values)
    settings = (resamples, confidence, seed)
    if average == "correlations":
        found = score(retrained_predictions(truth), truth.values, *settings)
        # Two trainings predict each other equally well.
        spread = found.seed_sd if trainings > 2 else np.nan
        return replace(found, seed_low=np.nan, seed_high=np.nan, seed_sd=spread)
    one, other = np.triu_indices(trainings, 1)
    pairs = score(truth.values[one], truth.values[other], *settings)
    return LdsResult(
        lds=_of_means(pairs.lds, trainings),
        low=_of_means(pairs.low, trainings),
        high=_of_means(pairs.high, trainings),
        query_low=_of_means(pairs.query_low, trainings),
        query_high=_of_means(pairs.query_high, trainings),
        seed_low=np.nan,
        seed_high=np.nan,
        seed_sd=np.nan,
    )


def _of_means(correlation: float, trainings: int) -> float:
    """Correlation of the means of so many trainings each, from that of two; it rises with it."""
    if not correlation > 0:
        return correlation
    return trainings * correlation / (1 + (trainings - 1) * correlation)


def _averaged(
    predictions: np.ndarray, truth: np.ndarray, average: Average
) -> tuple[np.ndarray, np.ndarray]:
    """What is rank-correlated: (r, m, Q), or (1, m, Q) where values are averaged."""
    if average == "correlations":
        return predictions, truth
    return predictions.mean(axis=0, keepdims=True), truth.mean(axis=0, keepdims=True)


def _without_each_seed(predictions: np.ndarray, truth: np.ndarray, average: Average) -> np.ndarray:
    """(r,) LDS without each training seed; none for a single one."""
    trainings = np.arange(len(truth))
    if len(trainings) < 2:
        return np.empty(0)
    kept = [trainings != seed for seed in trainings]
    found = [spearman(*_averaged(predictions[k], truth[k], average)) for k in kept]
    return np.array([mean(correlations, axis=1).mean() for correlations in found])


def _resamples(rng: np.random.Generator, size: int, resamples: int) -> np.ndarray:
    """(B, size) how often each of so many has been drawn."""
    drawn = rng.integers(0, size, (resamples, size))
    return np.stack([np.bincount(draw, minlength=size) for draw in drawn])


def _interval(boot: np.ndarray, confidence: float) -> tuple[float, float]:
    told = boot[np.isfinite(boot)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(told, [tail, 1 - tail]) if len(told) else (np.nan, np.nan)
    return float(low), float(high)


def _over_queries(
    correlations: np.ndarray, rng: np.random.Generator, resamples: int, confidence: float
) -> tuple[float, float]:
    """Of the mean of (Q,) correlations, those of queries that do not vary left out."""
    told = correlations[np.isfinite(correlations)]
    if len(told) < 2:
        return np.nan, np.nan
    counts = _resamples(rng, len(told), resamples)
    return _interval(counts @ told / len(told), confidence)


def resampled_spearman(left: np.ndarray, right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`spearman` of rows that are repeated, for many ways to repeat them.

    The rank of a row among the repeated ones is the number of those below it and half of those
    that equal it, so all ranks of all resamples are one matrix product; nothing is sorted.

    Args:
        left: (m, Q).
        right: (m, Q).
        counts: (B, m) how often each resample has each row; each sums to m.

    Returns:
        (B, Q); NaN where a resample is constant.
    """
    rows, queries = left.shape
    # Whole numbers up to rows^3: exact in float32 while these are below 2^24.
    weights = counts.astype(np.float32 if rows**3 < 2**24 else np.float64)
    at_once = max(1, RANKS_AT_ONCE // (rows * max(rows, len(counts))))
    found = [
        _weighted_correlations(left[:, q : q + at_once], right[:, q : q + at_once], weights)
        for q in range(0, queries, at_once)
    ]
    return np.concatenate(found).T


def _weighted_correlations(left: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(Q, B)."""
    x, y = _centered_ranks(left, weights), _centered_ranks(right, weights)
    weighted = x * weights
    squares, products = np.einsum("qbm,qbm->qb", weighted, x), np.einsum("qbm,qbm->qb", weighted, y)
    others = np.einsum("qbm,qbm->qb", y * weights, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / np.sqrt(squares.astype(float) * others)


def _centered_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(Q, B, m) ranks less their mean, doubled: rows below less rows above."""
    columns = values.T
    signs = np.sign(columns[:, None, :] - columns[:, :, None])
    return weights @ signs.astype(weights.dtype)


def linear_predictions(values: np.ndarray, truth: Truth) -> np.ndarray:
    """(r, m, Q) sums over the kept contributors of their values (N, Q)."""
    predicted = truth.masks @ values
    return np.broadcast_to(predicted, truth.values.shape)


def retrained_predictions(truth: Truth) -> np.ndarray:
    """(r, m, Q) for the noise ceiling: each training predicted by the mean of the other ones."""
    others = truth.values.sum(axis=0) - truth.values
    return others / (len(truth.values) - 1)
