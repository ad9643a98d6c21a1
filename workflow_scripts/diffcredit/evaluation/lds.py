"""Linear datamodeling score: whether values add up to the behaviors of retrained models.

LDS = Spearman correlation, over test coalitions, of the sum of the kept contributors' values with
the measured behavior (Park et al. 2023, arXiv 2303.14186), averaged over queries. With several
training seeds per test coalition, papers differ in what they average:

- ``correlations``: the behavior of each training seed is rank-correlated, and the correlations are
  averaged, as for crediting contributors (Lu et al. 2025, arXiv 2407.03153);
- ``values``: the behaviors are averaged over the training seeds and rank-correlated once, as for
  D-TRAK (Zheng et al. 2024, arXiv 2311.00500). With less noise in the truth, the scores are higher.

In both cases a measured loss is already an average over noises (`denoising_loss`). The scores lie
in [-1, 1]; papers report them times 100.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diffcredit.evaluation.intervals import jackknife_interval
from diffcredit.ranks import mean, spearman

#: Number of ranks (queries x resamples x coalitions) in memory at a time.
RANKS_AT_ONCE = 2**22

#: Quantity that is averaged over the training seeds.
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
        lds: mean over queries, and over training seeds according to `Average`.
        low, high: bootstrap interval over coalitions.
        query_low, query_high: bootstrap interval over queries; NaN for one query.
        seed_low, seed_high: Student's interval over training seeds, by the jackknife; NaN for one
            seed.
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
        predictions: (r, m, Q) predicted behavior for each training of ``truth``.
        truth: (r, m, Q) measured behavior.
        resamples: bootstrap resamples; a coalition is resampled with all its seeds and queries.
        confidence: level of the intervals, in (0, 1).
        seed: of the resamples.
        average: quantity that is averaged over the r training seeds.
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
    """The noise ceiling: the LDS of retraining the test coalitions again. Needs r >= 2 trainings.

    For ``correlations``: each training is predicted by the mean of the others.

    For ``values``: the expected score of the means over r other trainings against the means over
    these r. With the mean correlation c of two trainings, over pairs and queries, it is r c / (1 +
    (r - 1) c) (Spearman 1910; Brown 1910). This is exact for Pearson's correlation if trainings
    differ by independent noise of equal variance. It is c itself if c is 0 or below.

    A perfect predictor can exceed the ceiling, because the ceiling compares two noisy retrainings:
    for two trainings, and for ``values``, it reaches up to about the square root of the ceiling.

    Arguments as in `score`. The trainings predict each other, so there is no interval over them.
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
    """Correlation of means over ``trainings`` each, from the correlation of single trainings."""
    if not correlation > 0:
        return correlation
    return trainings * correlation / (1 + (trainings - 1) * correlation)


def _averaged(
    predictions: np.ndarray, truth: np.ndarray, average: Average
) -> tuple[np.ndarray, np.ndarray]:
    """The quantities to rank-correlate: (r, m, Q), or (1, m, Q) if values are averaged."""
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
    """(B, size) bootstrap counts: how often each item is drawn."""
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
    """Bootstrap interval over queries of the mean correlation; constant queries are left out."""
    told = correlations[np.isfinite(correlations)]
    if len(told) < 2:
        return np.nan, np.nan
    counts = _resamples(rng, len(told), resamples)
    return _interval(counts @ told / len(told), confidence)


def resampled_spearman(left: np.ndarray, right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`spearman` of bootstrap resamples of rows.

    The rank of a row in a resample is the number of rows below it plus half the number of equal
    rows. All ranks of all resamples are therefore one matrix product, without sorting.

    Args:
        left: (m, Q).
        right: (m, Q).
        counts: (B, m) how often each resample contains each row; each sums to m.

    Returns:
        (B, Q); NaN where a resample is constant.
    """
    rows, queries = left.shape
    # Integers up to rows^3, which are exact in float32 below 2^24.
    weights = counts.astype(np.float32 if rows**3 < 2**24 else np.float64)
    at_once = max(1, RANKS_AT_ONCE // (rows * max(rows, len(counts))))
    found = [
        _weighted_correlations(left[:, q : q + at_once], right[:, q : q + at_once], weights)
        for q in range(0, queries, at_once)
    ]
    return np.concatenate(found).T


def _weighted_correlations(left: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(Q, B) correlations of weighted rows."""
    x, y = _centered_ranks(left, weights), _centered_ranks(right, weights)
    weighted = x * weights
    squares, products = np.einsum("qbm,qbm->qb", weighted, x), np.einsum("qbm,qbm->qb", weighted, y)
    others = np.einsum("qbm,qbm->qb", y * weights, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / np.sqrt(squares.astype(float) * others)


def _centered_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(Q, B, m) twice the centered ranks: number of rows below minus rows above."""
    columns = values.T
    signs = np.sign(columns[:, None, :] - columns[:, :, None])
    return weights @ signs.astype(weights.dtype)


def linear_predictions(values: np.ndarray, truth: Truth) -> np.ndarray:
    """(r, m, Q) sums over the kept contributors of their values (N, Q)."""
    predicted = truth.masks @ values
    return np.broadcast_to(predicted, truth.values.shape)


def retrained_predictions(truth: Truth) -> np.ndarray:
    """(r, m, Q) predictions of each training by the mean of the others, for the noise ceiling."""
    others = truth.values.sum(axis=0) - truth.values
    return others / (len(truth.values) - 1)
