"""Means with Student's intervals."""

import numpy as np
from scipy import stats


def mean_and_interval(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Mean of (n,) values, and the ends of its interval.

    Args:
        values: independent samples; if one is NaN or infinite, so is the mean.
        confidence: level of the interval, in (0, 1).

    Returns:
        mean, low, high; the ends are NaN for a single value, and if values are not finite.
    """
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(values).all():
        return mean, np.nan, np.nan
    error = values.std(ddof=1) / np.sqrt(len(values))
    spread = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * error)
    return mean, mean - spread, mean + spread


def jackknife_interval(
    estimate: float, left_out: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Student's interval of an estimate by the jackknife over n parts.

    For the mean of n values it equals the interval of `mean_and_interval`.

    Args:
        estimate: from all parts.
        left_out: (n,) estimates, each without one part.
        confidence: level of the interval, in (0, 1).

    Returns:
        low, high; NaN for fewer than two parts, and if estimates are not finite.
    """
    parts = len(left_out)
    if parts < 2 or not np.isfinite([estimate, *left_out]).all():
        return np.nan, np.nan
    error = np.sqrt((parts - 1) * left_out.var())
    spread = float(stats.t.ppf((1 + confidence) / 2, parts - 1) * error)
    return estimate - spread, estimate + spread
