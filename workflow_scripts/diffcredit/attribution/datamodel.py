"""Datamodels: the linear model of v(S) in the kept contributors (Ilyas et al. 2022).

All coalitions count alike, whatever distribution they were drawn from. Coalitions of one size
alone, as datamodel(alpha) draws them, do not tell the level of the values: only differences between
contributors mean something then.
"""

import numpy as np

from diffcredit.attribution import regression
from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate, Game
from diffcredit.attribution.lasso import lasso as fit_lasso
from diffcredit.attribution.regression import variances
from diffcredit.seeds import derive


def ridge(game: Game) -> Estimate:
    """Ridge regression of v(S) on z with a free intercept; leave-one-pair-out strength.

    As Zheng et al. 2024 (arXiv 2311.00500) fit datamodels; Ilyas et al. use `lasso`.
    """
    alike = np.ones(len(game.masks))
    fit = regression.ridge(
        game.masks.astype(float), game.values, alike, game.clusters, alike[:, None]
    )
    spread = variances(fit, np.empty((game.masks.shape[1], 0)))
    return Estimate(fit.coefficients, np.sqrt(spread), fit.strengths)


def lasso(game: Game) -> Estimate:
    """Lasso of v(S) on z with a free intercept; strength by cross-validation over pairs.

    Standard errors by a bootstrap over pairs: 0 for a contributor that no resample gives a value.
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
