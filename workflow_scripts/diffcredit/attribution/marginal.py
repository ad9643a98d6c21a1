"""Differences of two models: leave-one-out and add-one-in.

No coalitions are averaged, so the training noise of single models enters in full. Only several
training seeds show how large it is.
"""

import numpy as np

from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate, Game, variance_of_mean


def leave_one_out(game: Game) -> Estimate:
    """v(all) - v(all - i) from coalitions that lack one contributor each."""
    means, variances = _by_contributor(game.values, ~game.masks)
    standard_errors = np.sqrt(variances + variance_of_mean(game.full))
    return Estimate(game.full.mean(axis=0) - means, standard_errors, _none(game))


def add_one_in(game: Game) -> Estimate:
    """v({i}) - v(none) from coalitions of one contributor each."""
    means, variances = _by_contributor(game.values, game.masks)
    standard_errors = np.sqrt(variances + variance_of_mean(game.none))
    return Estimate(means - game.none.mean(axis=0), standard_errors, _none(game))


def _by_contributor(values: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (N, Q) of each contributor's models, and the variances of these means.

    The variance of training is pooled over the models of all contributors, because two or three
    training seeds say little about a single contributor. Variances are NaN with one seed.

    Args:
        values: (m, Q).
        marks: (m, N) True for the one contributor of each row.
    """
    counts = marks.sum(axis=0)[:, None]
    means = marks.T @ values / counts
    freedom = len(values) - len(counts)
    residuals = values - marks @ means
    noise = (residuals**2).sum(axis=0) / freedom if freedom else np.full(values.shape[1], np.nan)
    return means, noise / counts


def _none(game: Game) -> np.ndarray:
    """(Q,) zeros: these estimators have no penalty."""
    return np.zeros(game.values.shape[1])


class LeaveOneOutEstimator(Estimator):
    """v(all) - v(all - i)."""

    endpoints = ("full",)
    distribution = "leave_one_out"

    def __call__(self, game: Game) -> Estimate:
        """See `leave_one_out`."""
        return leave_one_out(game)


class AddOneInEstimator(Estimator):
    """v({i}) - v(none)."""

    endpoints = ("none",)
    distribution = "add_one_in"

    def __call__(self, game: Game) -> Estimate:
        """See `add_one_in`."""
        return add_one_in(game)
