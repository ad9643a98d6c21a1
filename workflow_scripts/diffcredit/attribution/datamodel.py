"""Datamodels: the linear model of v(S) in the kept contributors (Ilyas et al. 2022)."""

import numpy as np

from diffcredit.attribution.game import Estimate, Game
from diffcredit.attribution.regression import jackknife
from diffcredit.attribution.regression import ridge as fit_ridge


def ridge(game: Game) -> Estimate:
    """Ridge regression of v(S) on z with a free intercept; leave-one-pair-out strength.

    All coalitions count alike, whatever distribution they were drawn from. Coalitions of one size
    alone, as datamodel(alpha) draws them, do not tell the level of the values: only differences
    between contributors mean something then. Intervals are for the shrunken values.
    """
    rows, contributors = game.masks.shape
    design = np.column_stack([np.ones(rows), game.masks])
    penalized = np.r_[0.0, np.ones(contributors)]
    fit = fit_ridge(design, game.values, np.ones(rows), game.clusters, penalized)
    slopes = np.eye(contributors + 1)[1:]
    variances = jackknife(fit, slopes)
    return Estimate(slopes @ fit.coefficients, np.sqrt(variances), fit.strengths)
