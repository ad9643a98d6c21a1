"""The recorded (coalition, value) pairs that removal estimators are fitted on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Correction:
    """The few coalitions that were also made in the exact, dear way (retrained).

    Attributes:
        masks: (k, N) bool, True where a contributor is kept.
        cheap: (k, Q) v(S) of the cheap approach, the mean over its training seeds.
        exact: (k, Q) v(S) of the exact approach, the same.
        weights: (k,) as those of the game.
        clusters: (k,) rows drawn together.
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
        weights: (m,) importance of each coalition: its probability under the distribution that
            the estimator is defined by / that under which it was drawn; above 0, mean 1.
        clusters: (m,) rows drawn together (a coalition, its complement, other training seeds).
        full: (r, Q) repeated measurements of v(all); no rows where there are none.
        none: (r', Q) of v(none).
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
    """What an estimator returns.

    Attributes:
        values: (N, Q).
        standard_errors: (N, Q); NaN where there are too few coalitions to tell.
        strengths: (Q,) of the penalty; 0 without one.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    strengths: np.ndarray


def variance_of_mean(repeated: np.ndarray) -> np.ndarray:
    """(Q,) variance of the mean of repeated measurements (r, Q); 0 where one alone cannot tell."""
    if len(repeated) < 2:
        return np.zeros(repeated.shape[1])
    return repeated.var(axis=0, ddof=1) / len(repeated)
