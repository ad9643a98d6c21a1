"""Shapley values of contributors from coalitions of any sampling distribution.

Rows count by the Shapley kernel's weight / the sampling probability. Three estimators differ in
what they do with v(none), which for many behaviors (the FID of noise) is extreme: the published one
constrains the values to add up to v(all) - v(none); ridge does the same with a penalty; ridge with
v(none) free lets the line say what v(none) is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffcredit.attribution import regression
from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate, Game, variance_of_mean
from diffcredit.attribution.regression import (
    RidgeFit,
    derivative,
    variances,
    without_unpenalized,
)


@dataclass(frozen=True)
class Solution:
    """Values with all that their standard errors are made of.

    Attributes:
        values: (N, Q).
        variances: (N, Q) over the coalitions, and by the shrinkage.
        by_full: (N, Q) change of the values where v(all) rises by 1.
        by_none: (N, Q) the same for v(none).
        strengths: (Q,) of the ridge penalty; 0 without one.
    """

    values: np.ndarray
    variances: np.ndarray
    by_full: np.ndarray
    by_none: np.ndarray
    strengths: np.ndarray


def constrained(game: Game) -> Estimate:
    """Constrained least squares: Covert & Lee 2021 (arXiv 2012.01536), eq. 7.

    phi = A^-1 (b - 1 (1^T A^-1 b - v(all) + v(none)) / (1^T A^-1 1)). Solved within the subspace
    sum phi = v(all) - v(none), which keeps the sum exact. The values are the same where A has an
    inverse. With fewer coalitions than contributors many values fit alike, and these are the ones
    nearest to equal shares of the sum. The formula with a pseudo-inverse gives the same for paired
    coalitions; for others it gives values that need not fit.
    """
    return _estimate(game, _solve_constrained(game, regression.least_squares))


def ridge(game: Game) -> Estimate:
    """The same, drawn towards (v(all) - v(none)) / N.

    The strength has the least leave-one-pair-out error of a fit in which a line in |S| is free: an
    extreme v(none) is no noise that more shrinkage would answer.
    """
    return _estimate(game, solve_ridge(game))


def ridge_free(game: Game) -> Estimate:
    """Ridge regression of v(all) - v(S) on the removed contributors 1 - z; v(none) is free."""
    return _estimate(game, solve_ridge_free(game))


def solve_ridge(game: Game) -> Solution:
    """What `ridge` makes its estimate of."""
    return _solve_constrained(game, regression.ridge)


def solve_ridge_free(game: Game) -> Solution:
    """What `ridge_free` makes its estimate of."""
    removed = 1.0 - game.masks
    losses = game.full.mean(axis=0) - game.values
    fit = regression.ridge(removed, losses, game.weights, game.clusters, _nothing(game))
    by_full = derivative(fit, np.ones(len(removed)))
    return Solution(
        values=fit.coefficients,
        variances=variances(fit, np.empty((removed.shape[1], 0))),
        by_full=by_full,
        by_none=np.zeros_like(by_full),
        strengths=fit.strengths,
    )


def _solve_constrained(game: Game, fitted: Callable[..., RidgeFit]) -> Solution:
    """Rows less their mean lie in the subspace of sum 0, and so does the shortest solution.

    Where v(none) is extreme, the values of all coalitions are off the line from it to v(all), by
    what goes with |S|. That is no noise of single coalitions: residuals are of a fit in which a
    line in |S| is free. What it does to the values, because contributors are not in coalitions of
    the same sizes, is the difference of the two fits; its mean square counts as a variance.
    """
    contributors = game.masks.shape[1]
    everyone, nobody = game.full.mean(axis=0), game.none.mean(axis=0)
    total = everyone - nobody
    shares = game.masks.mean(axis=1)  # |S| / N
    design = game.masks - shares[:, None]
    targets = game.values - nobody - shares[:, None] * total
    line = np.column_stack([np.ones_like(shares), shares])
    beside_line = fitted(design, targets, game.weights, game.clusters, line)
    fit = without_unpenalized(beside_line, design, targets)
    by_line = fit.coefficients - beside_line.coefficients
    total_direction = np.full((contributors, 1), contributors**-0.5)
    return Solution(
        values=fit.coefficients + total / contributors,
        variances=variances(fit, total_direction) + (by_line**2).mean(axis=0),
        by_full=derivative(fit, -shares) + 1 / contributors,
        by_none=derivative(fit, shares - 1) - 1 / contributors,
        strengths=fit.strengths,
    )


def _nothing(game: Game) -> np.ndarray:
    """No columns: every coefficient is penalized."""
    return np.empty((len(game.masks), 0))


def _estimate(game: Game, solution: Solution) -> Estimate:
    total = (
        solution.variances
        + solution.by_full**2 * variance_of_mean(game.full)
        + solution.by_none**2 * variance_of_mean(game.none)
    )
    return Estimate(solution.values, np.sqrt(total), solution.strengths)


class ShapleyConstrained(Estimator):
    """Least squares with the sum v(all) - v(none): the published estimator."""

    endpoints = ("full", "none")
    weights = "shapley"

    def __call__(self, game: Game) -> Estimate:
        """See `constrained`."""
        return constrained(game)


class ShapleyRidge(Estimator):
    """The same with a ridge penalty."""

    endpoints = ("full", "none")
    weights = "shapley"

    def __call__(self, game: Game) -> Estimate:
        """See `ridge`."""
        return ridge(game)


class ShapleyRidgeFree(Estimator):
    """Ridge regression with v(none) free."""

    endpoints = ("full",)
    weights = "shapley"

    def __call__(self, game: Game) -> Estimate:
        """See `ridge_free`."""
        return ridge_free(game)
