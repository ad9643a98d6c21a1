"""Shapley values of contributors from coalitions of any sampling distribution.

Rows are weighted by the Shapley kernel / the sampling probability. The three estimators differ in
how they treat v(none), which is extreme for many behaviors, such as the FID of noise. The published
estimator constrains the values to add up to v(all) - v(none). Ridge adds a penalty to it. Ridge
with free v(none) estimates v(none) from the coalitions instead of using its measurement.
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
    """Values with the parts of their standard errors.

    Attributes:
        values: (N, Q).
        variances: (N, Q) jackknife variance over coalitions plus shrinkage error.
        by_full: (N, Q) derivative of the values with respect to v(all).
        by_none: (N, Q) derivative with respect to v(none).
        strengths: (Q,) ridge penalty; 0 without a penalty.
    """

    values: np.ndarray
    variances: np.ndarray
    by_full: np.ndarray
    by_none: np.ndarray
    strengths: np.ndarray


def constrained(game: Game) -> Estimate:
    """Constrained least squares: Covert & Lee 2021 (arXiv 2012.01536), eq. 7.

    phi = A^-1 (b - 1 (1^T A^-1 b - v(all) + v(none)) / (1^T A^-1 1)). Solved within the subspace
    sum phi = v(all) - v(none), which keeps the sum exact. The result is identical where A has an
    inverse. With fewer coalitions than contributors the solution is not unique; this one is nearest
    to equal shares of the sum. The formula with a pseudo-inverse agrees for paired coalitions; for
    unpaired ones its values need not fit.
    """
    return _estimate(game, _solve_constrained(game, regression.least_squares))


def ridge(game: Game) -> Estimate:
    """Constrained ridge regression: shrinks the values towards (v(all) - v(none)) / N.

    The penalty has the least leave-one-pair-out error of a fit with a free line in |S|: more
    shrinkage is no remedy for an extreme v(none).
    """
    return _estimate(game, solve_ridge(game))


def ridge_free(game: Game) -> Estimate:
    """Ridge regression of v(all) - v(S) on the removed contributors 1 - z; v(none) is free."""
    return _estimate(game, solve_ridge_free(game))


def solve_ridge(game: Game) -> Solution:
    """The solution behind `ridge`."""
    return _solve_constrained(game, regression.ridge)


def solve_ridge_free(game: Game) -> Solution:
    """The solution behind `ridge_free`."""
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

    An extreme v(none) moves the values of all coalitions away from the line between v(none) and
    v(all), by an amount that depends on |S|. This is not noise of single coalitions, so residuals
    come from a fit with a free line in |S|. It biases the values of contributors who were drawn
    into larger coalitions. The difference of the two fits estimates this bias; its mean square is
    added to the variance.
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
    """Least squares constrained to the sum v(all) - v(none): the published estimator."""

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
