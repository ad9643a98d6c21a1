"""Banzhaf values: what a contributor adds to a coalition drawn uniformly from all of them.

The values are the slopes of the best linear model of v(S), with all coalitions weighted equally
(Kernel Banzhaf, arXiv 2410.08336). The model has an unpenalized intercept, so that contributors do
not have to explain the level of the behavior. Coalitions from other distributions are
importance-weighted to the uniform one.
"""

from collections.abc import Callable

import numpy as np

from diffcredit.attribution import regression
from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate, Game
from diffcredit.attribution.regression import RidgeFit, variances


def least_squares(game: Game) -> Estimate:
    """Weighted least squares of v(S) on z - 1/2 with an intercept."""
    return _slopes(game, regression.least_squares)


def ridge(game: Game) -> Estimate:
    """Ridge regression for few coalitions; the penalty has the least leave-one-pair-out error."""
    return _slopes(game, regression.ridge)


def _slopes(game: Game, fitted: Callable[..., RidgeFit]) -> Estimate:
    intercept = np.ones((len(game.masks), 1))
    fit = fitted(game.masks - 0.5, game.values, game.weights, game.clusters, intercept)
    spread = variances(fit, np.empty((game.masks.shape[1], 0)))
    return Estimate(fit.coefficients, np.sqrt(spread), fit.strengths)


class Banzhaf(Estimator):
    """Least squares on z - 1/2 with an intercept."""

    weights = "uniform"

    def __call__(self, game: Game) -> Estimate:
        """See `least_squares`."""
        return least_squares(game)


class BanzhafRidge(Estimator):
    """Ridge regression on z - 1/2 with an intercept."""

    weights = "uniform"

    def __call__(self, game: Game) -> Estimate:
        """See `ridge`."""
        return ridge(game)
