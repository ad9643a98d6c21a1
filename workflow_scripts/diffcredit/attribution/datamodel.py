"""Datamodels: the linear model of v(S) in the kept contributors (Ilyas et al. 2022).

All coalitions have equal weight, whatever distribution they were sampled from. Coalitions of a
single size, as datamodel(alpha) samples them, do not determine the level of the values: only
differences between contributors are meaningful then.
"""

import numpy as np

from diffcredit.attribution import regression
from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate, Game
from diffcredit.attribution.lasso import lasso as fit_lasso
from diffcredit.attribution.regression import variances
from diffcredit.seeds import derive


def ridge(game: Game) -> Estimate:
    """Ridge regression of v(S) on z with an unpenalized intercept; penalty by leave-one-pair-out.

    As Zheng et al. 2024 (arXiv 2311.00500) fit datamodels; Ilyas et al. use `lasso`.
    """
    alike = np.ones(len(game.masks))
    fit = regression.ridge(
        game.masks.astype(float), game.values, alike, game.clusters, alike[:, None]
    )
    spread = variances(fit, np.empty((game.masks.shape[1], 0)))
    return Estimate(fit.coefficients, np.sqrt(spread), fit.strengths)


def lasso(game: Game) -> Estimate:
    """Lasso of v(S) on z with an unpenalized intercept; penalty by cross-validation over pairs.

    Standard errors come from a bootstrap over pairs. They are 0 for a contributor whose coefficient
    is 0 in every resample.
    """
    seed = derive(0, "datamodel", "lasso", "bootstrap")
    fit = fit_lasso(game.masks.astype(float), game.values, game.clusters, seed)
    return Estimate(fit.coefficients, fit.standard_errors, fit.penalties)


class DatamodelRidge(Estimator):
    """The linear model of v(S), by ridge regression."""

    def __call__(self, game: Game) -> Estimate:
        """See `ridge`."""
        return ridge(game)


class DatamodelLasso(Estimator):
    """The linear model of v(S), by the lasso."""

    def __call__(self, game: Game) -> Estimate:
        """See `lasso`."""
        return lasso(game)
