"""Two-level Shapley values: a cheap approach as the control variate of few retrainings.

phi = beta phi(v_cheap) + phi(v_exact - beta v_cheap). The first term uses many coalitions of the
cheap approach, the second the few that were retrained, too. The estimate is free of the bias of the
cheap approach, and the noise of the few enters only where the approaches differ. beta is the slope
of a regression of the exact on the cheap values; standard errors treat it as known.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from diffcredit.attribution import regression
from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Correction, Estimate, Game, variance_of_mean
from diffcredit.attribution.shapley import Solution, solve_ridge, solve_ridge_free


def ridge(game: Game) -> Estimate:
    """Both levels by constrained ridge; the values add up to the exact v(all) - v(none)."""
    return _two_level(game, solve_ridge)


def ridge_free(game: Game) -> Estimate:
    """Both levels by ridge with v(none) free."""
    return _two_level(game, solve_ridge_free)


def optimal_split(
    budget: float, cost_cheap: float, cost_exact: float, correlation: float
) -> tuple[int, int]:
    """The optimal numbers of cheap coalitions and of corrections for a budget.

    n_cheap / n_corrections = sqrt(c_correction rho^2 / (c_cheap (1 - rho^2))) minimizes the
    variance rho^2 / n_cheap + (1 - rho^2) / n_corrections. A correction costs both models.

    Args:
        budget: total, in the unit of the costs (seconds).
        cost_cheap: of one model of the cheap approach, above 0.
        cost_exact: of one retrained model, above 0.
        correlation: rho of what the contributors leave unexplained in the two approaches' values,
            at least 0 and below 1.

    Returns:
        Numbers of coalitions of the values, and of the corrections.
    """
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation = {correlation}: accepted: at least 0, below 1")
    cost_correction = cost_cheap + cost_exact
    explained = correlation**2
    ratio = np.sqrt(cost_correction * explained / (cost_cheap * (1 - explained)))
    corrections = int(budget / (cost_correction + ratio * cost_cheap))
    return int((budget - corrections * cost_correction) / cost_cheap), corrections


def residual_correlation(few: Correction) -> np.ndarray:
    """(Q,) rho: correlation of what the contributors leave unexplained in the two approaches.

    The correlation of leave-one-pair-out residuals of ridge regressions on the kept contributors.
    In-sample residuals would be too small with few coalitions.
    """
    intercept = np.ones((len(few.masks), 1))
    exact, cheap = (
        regression.ridge(few.masks - 0.5, values, few.weights, few.clusters, intercept).left_out
        for values in (few.exact, few.cheap)
    )
    product = np.sqrt((exact**2).sum(axis=0) * (cheap**2).sum(axis=0))
    together = (exact * cheap).sum(axis=0)
    return np.divide(together, product, out=np.zeros_like(product), where=product > 0)


def _two_level(game: Game, solve: Callable[[Game], Solution]) -> Estimate:
    few = game.correction
    assert few is not None
    slope = _slope(few)
    cheap = solve(game)
    difference = solve(
        replace(
            game,
            masks=few.masks,
            values=few.exact - slope * few.cheap,
            weights=few.weights,
            clusters=few.clusters,
            full=(few.full.mean(axis=0) - slope * game.full.mean(axis=0))[None],
            none=(1 - slope) * game.none,
        )
    )
    by_cheap_full = slope * (cheap.by_full - difference.by_full)
    by_none = slope * cheap.by_none + (1 - slope) * difference.by_none
    variances = (
        slope**2 * cheap.variances
        + difference.variances
        + by_cheap_full**2 * variance_of_mean(game.full)
        + difference.by_full**2 * variance_of_mean(few.full)
        + by_none**2 * variance_of_mean(game.none)
    )
    values = slope * cheap.values + difference.values
    return Estimate(values, np.sqrt(variances), difference.strengths)


def _slope(few: Correction) -> np.ndarray:
    """(Q,) beta: slope of the exact on the cheap values; 0 where the cheap values are constant."""
    cheap = few.cheap - np.average(few.cheap, axis=0, weights=few.weights)
    spread = few.weights @ cheap**2
    together = few.weights @ (cheap * few.exact)
    return np.divide(together, spread, out=np.zeros_like(spread), where=spread > 0)


class TwoLevel(Estimator):
    """Constrained ridge, corrected by few retrained coalitions."""

    endpoints = ("full", "none")
    weights = "shapley"
    corrections = True

    def __call__(self, game: Game) -> Estimate:
        """See `ridge`."""
        return ridge(game)


class TwoLevelFree(Estimator):
    """Ridge with v(none) free, corrected by few retrained coalitions."""

    endpoints = ("full",)
    weights = "shapley"
    corrections = True

    def __call__(self, game: Game) -> Estimate:
        """See `ridge_free`."""
        return ridge_free(game)
