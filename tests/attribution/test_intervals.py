"""The intervals value +- 1.96 standard errors cover the truth as often as they should.

Noise is 0.8 of the spread of the contributors' worths: then a second measurement of coalitions of
half the contributors correlates with the first by 3 / (3 + 0.8^2) = 0.82, as retraining does.
"""

from collections.abc import Callable

import numpy as np
import pytest

from diffcredit.attribution import banzhaf, datamodel, shapley
from diffcredit.attribution.game import Estimate, Game
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import importance, table
from diffcredit.coalitions.uniform import Uniform
from diffcredit.registry import DISTRIBUTIONS

CONTRIBUTORS, COALITIONS, REPEATED, NOISE = 12, 48, 3, 0.8
DESIGNS, GAMES_OF_A_DESIGN = 20, 25


KERNEL = Shapley(distribution="shapley", count=COALITIONS)
LEVERAGE = Shapley(distribution="shapley", count=COALITIONS, sampling="leverage")
BALANCED = Shapley(distribution="shapley", count=COALITIONS, balanced=True)
UNIFORM = Uniform(distribution="uniform", count=COALITIONS)


def simulated(
    distribution: Distribution, definition: str, noise: float, seed: int, below: float
) -> tuple[Game, np.ndarray]:
    """Additive games, their values measured with noise, and the true values (N, Q).

    All but v(none), which is ``below`` what the others say; in Shapley values everybody has a share
    of that.
    """
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=(CONTRIBUTORS, GAMES_OF_A_DESIGN))
    base = rng.normal(10, 3, GAMES_OF_A_DESIGN)
    rows = table(distribution, CONTRIBUTORS, seed, range(COALITIONS))
    masks = np.stack(list(rows["mask"]))
    weights = importance(masks, DISTRIBUTIONS[definition](), distribution)
    counted = weights > 0

    def measured(masks: np.ndarray) -> np.ndarray:
        return base + masks @ worth + rng.normal(0, noise, (len(masks), GAMES_OF_A_DESIGN))

    everyone = np.ones((REPEATED, CONTRIBUTORS), dtype=bool)
    game = Game(
        masks=masks[counted],
        values=measured(masks[counted]),
        weights=weights[counted],
        clusters=rows["pair"].to_numpy()[counted],
        full=measured(everyone),
        none=measured(~everyone) - below,
    )
    return game, worth + below / CONTRIBUTORS


def coverage(
    estimator: Callable[[Game], Estimate],
    distribution: Distribution,
    definition: str,
    noise: float = NOISE,
    below: float = 0.0,
) -> float:
    covered = []
    for seed in range(DESIGNS):
        game, worth = simulated(distribution, definition, noise, seed, below)
        estimate = estimator(game)
        # An interval that is not there (NaN) covers nothing.
        covered.append(np.abs(estimate.values - worth) <= 1.96 * estimate.standard_errors)
    return float(np.mean(covered))


@pytest.mark.parametrize("distribution", [KERNEL, LEVERAGE, BALANCED, UNIFORM])
@pytest.mark.parametrize(
    "estimator", [shapley.constrained, shapley.ridge, shapley.ridge_free, datamodel.ridge]
)
def test_intervals_cover(estimator: Callable[[Game], Estimate], distribution: Distribution) -> None:
    assert 0.90 <= coverage(estimator, distribution, "shapley") <= 0.99


@pytest.mark.parametrize("distribution", [KERNEL, LEVERAGE, BALANCED])
@pytest.mark.parametrize("estimator", [shapley.constrained, shapley.ridge])
def test_intervals_cover_where_v_none_is_extreme(
    estimator: Callable[[Game], Estimate], distribution: Distribution
) -> None:
    """As the FID of noise is, by twenty times the spread of the contributors' worths."""
    assert 0.90 <= coverage(estimator, distribution, "shapley", below=20.0) <= 0.99


@pytest.mark.parametrize("distribution", [KERNEL, UNIFORM])
@pytest.mark.parametrize("estimator", [banzhaf.least_squares, banzhaf.ridge])
def test_intervals_of_banzhaf_values_cover(
    estimator: Callable[[Game], Estimate], distribution: Distribution
) -> None:
    assert 0.90 <= coverage(estimator, distribution, "uniform") <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "least"), [(0.3, 0.92), (NOISE, 0.82)])
def test_intervals_of_the_lasso_cover_where_it_shrinks_little(noise: float, least: float) -> None:
    """A bootstrap does not see the shrinkage, which grows with the noise."""
    assert least <= coverage(datamodel.lasso, KERNEL, "shapley", noise) <= 0.99
