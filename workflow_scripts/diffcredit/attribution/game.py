"""The recorded (coalition, value) pairs that removal estimators are fitted on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Game:
    """Values of coalitions, for Q behaviors (or queries) at once.

    Attributes:
        masks: (m, N) bool, True where a contributor is kept.
        values: (m, Q) v(S).
        weights: (m,) Shapley kernel weight / sampling probability, mean 1.
        clusters: (m,) rows drawn together (a coalition, its complement, other training seeds).
        full: (r, Q) repeated measurements of v(all); no rows where there are none.
        none: (r', Q) of v(none).
    """

    masks: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    full: np.ndarray
    none: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """What an estimator returns.

    Attributes:
        values: (N, Q).
        standard_errors: (N, Q); NaN where there are too few coalitions to tell.
        strengths: (Q,) of the ridge penalty; 0 without one.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    strengths: np.ndarray
