"""The recorded (coalition, value) pairs that removal estimators are fitted on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Correction:
    """The few coalitions that were measured with the exact, expensive approach, too (retrained).

    Attributes:
        masks: (k, N) bool, True where a contributor is kept.
        cheap: (k, Q) v(S) of the cheap approach, the mean over its training seeds.
        exact: (k, Q) v(S) of the exact approach, the same.
        weights: (k,) importance weights, as in `Game`.
        clusters: (k,) number of the cluster of each row; a cluster is sampled together.
        full: (r, Q) repeated measurements of v(all) of the exact approach.
    """

    masks: np.ndarray
    cheap: np.ndarray
    exact: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    full: np.ndarray


@dataclass(frozen=True)
class Game:
    """Values of coalitions, for Q behaviors (or queries) at once.

    Attributes:
        masks: (m, N) bool, True where a contributor is kept.
        values: (m, Q) v(S).
        weights: (m,) importance weight of each coalition: its probability under the distribution
            that defines the estimator / its sampling probability; above 0, mean 1.
        clusters: (m,) number of the cluster of each row: a coalition, its complement, and both with
            other training seeds are one cluster.
        full: (r, Q) repeated measurements of v(all); r may be 0.
        none: (r', Q) repeated measurements of v(none).
        correction: the coalitions that correct the values, for two-level estimators.
    """

    masks: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    full: np.ndarray
    none: np.ndarray
    correction: Correction | None = None


@dataclass(frozen=True)
class Estimate:
    """The values of all contributors with their standard errors.

    Attributes:
        values: (N, Q).
        standard_errors: (N, Q); NaN where there are too few coalitions to estimate them.
        strengths: (Q,) penalty strength; 0 without a penalty.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    strengths: np.ndarray


def variance_of_mean(repeated: np.ndarray) -> np.ndarray:
    """(Q,) variance of the mean of repeated measurements (r, Q); 0 for a single measurement."""
    if len(repeated) < 2:
        return np.zeros(repeated.shape[1])
    return repeated.var(axis=0, ddof=1) / len(repeated)
