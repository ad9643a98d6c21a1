"""Shapley values of contributors from coalitions drawn under the Shapley kernel.

Three estimators differ in what they do with v(none), which for many behaviors (the FID of noise) is
extreme: the published one constrains the values to add up to v(all) - v(none); ridge does the same
with a penalty; ridge with v(none) free lets the line say what v(none) is.
"""

import numpy as np
from scipy.linalg import null_space

from diffcredit.attribution.game import Estimate, Game
from diffcredit.attribution.regression import Fit, derivative, jackknife, least_squares
from diffcredit.attribution.regression import ridge as fit_ridge


def constrained(game: Game) -> Estimate:
    """Constrained least squares: Covert & Lee 2021 (arXiv 2012.01536), eq. 7.

    phi = A^-1 (b - 1 (1^T A^-1 b - v(all) + v(none)) / (1^T A^-1 1)). Solved within the subspace
    sum phi = v(all) - v(none), which gives the same values and keeps the sum exact.
    """
    return _constrained(game, penalized=False)


def ridge(game: Game) -> Estimate:
    """The same, drawn towards (v(all) - v(none)) / N; leave-one-pair-out strength."""
    return _constrained(game, penalized=True)


def ridge_free(game: Game) -> Estimate:
    """Ridge regression of v(all) - v(S) on the removed contributors 1 - z; v(none) is free."""
    removed = 1.0 - game.masks
    everyone = game.full.mean(axis=0)
    fit = fit_ridge(
        removed, everyone - game.values, game.weights, game.clusters, np.ones(removed.shape[1])
    )
    identity = np.eye(removed.shape[1])
    by_full = derivative(fit, np.ones(len(removed)))
    variances = jackknife(fit, identity) + by_full**2 * _variance_of_mean(game.full)
    return Estimate(fit.coefficients, np.sqrt(variances), fit.strengths)


def _constrained(game: Game, penalized: bool) -> Estimate:
    contributors = game.masks.shape[1]
    everyone, nobody = game.full.mean(axis=0), game.none.mean(axis=0)
    total = everyone - nobody
    shares = game.masks.mean(axis=1)  # |S| / N
    basis = null_space(np.ones((1, contributors)))
    design = game.masks @ basis
    targets = game.values - nobody - shares[:, None] * total
    fit: Fit = (
        fit_ridge(design, targets, game.weights, game.clusters, np.ones(design.shape[1]))
        if penalized
        else least_squares(design, targets, game.weights, game.clusters)
    )
    by_full = basis @ derivative(fit, -shares) + 1 / contributors
    by_none = basis @ derivative(fit, shares - 1) - 1 / contributors
    variances = (
        jackknife(fit, basis)
        + by_full**2 * _variance_of_mean(game.full)
        + by_none**2 * _variance_of_mean(game.none)
    )
    values = basis @ fit.coefficients + total / contributors
    return Estimate(values, np.sqrt(variances), fit.strengths)


def _variance_of_mean(repeated: np.ndarray) -> np.ndarray:
    """(Q,) variance of the mean of repeated measurements; 0 where one alone cannot tell."""
    if len(repeated) < 2:
        return np.zeros(repeated.shape[1])
    return repeated.var(axis=0, ddof=1) / len(repeated)
