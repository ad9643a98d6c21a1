"""The intervals value +- 1.96 standard errors cover the truth as often as they should.

Noise is 0.8 of the spread of the contributors' worths: then a second measurement of coalitions of
half the contributors correlates with the first by 3 / (3 + 0.8^2) = 0.82, as retraining does.
"""

from collections.abc import Callable

import numpy as np
import pytest

from diffcredit.attribution import datamodel, shapley
from diffcredit.attribution.game import Estimate, Game
from diffcredit.coalitions import table
from diffcredit.config import Shapley

CONTRIBUTORS, COALITIONS, REPEATED, NOISE = 12, 48, 3, 0.8
DESIGNS, GAMES_OF_A_DESIGN = 20, 25


def simulated(seed: int) -> tuple[Game, np.ndarray]:
    """Additive games, their values measured with noise, and the true worths (N, Q)."""
    rng = np.random.default_rng(seed)
    distribution = Shapley(distribution="shapley", count=COALITIONS, paired=True)
    drawn = table(distribution, CONTRIBUTORS, seed)
    masks = np.stack(list(drawn["mask"]))
    worth = rng.normal(size=(CONTRIBUTORS, GAMES_OF_A_DESIGN))
    base = rng.normal(10, 3, GAMES_OF_A_DESIGN)

    def measured(exact: np.ndarray, times: int) -> np.ndarray:
        return exact + rng.normal(0, NOISE, (times, GAMES_OF_A_DESIGN))

    game = Game(
        masks=masks,
        values=measured(base + masks @ worth, COALITIONS),
        weights=np.ones(COALITIONS),
        clusters=drawn["pair"].to_numpy(),
        full=measured(base + worth.sum(axis=0), REPEATED),
        none=measured(base, REPEATED),
    )
    return game, worth


@pytest.mark.parametrize(
    "estimator", [shapley.constrained, shapley.ridge, shapley.ridge_free, datamodel.ridge]
)
def test_intervals_cover(estimator: Callable[[Game], Estimate]) -> None:
    covered = []
    for seed in range(DESIGNS):
        game, worth = simulated(seed)
        estimate = estimator(game)
        # An interval that is not there (NaN) covers nothing.
        covered.append(np.abs(estimate.values - worth) <= 1.96 * estimate.standard_errors)
    assert 0.90 <= np.mean(covered) <= 0.99
