"""Banzhaf values against the definition, also where the behavior is far from 0."""

from collections.abc import Callable

import numpy as np
import pytest
from games import airport, banzhaf_values, drawn_game, exact_game, random_value

from diffcredit.attribution import banzhaf
from diffcredit.attribution.game import Estimate, Game
from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.uniform import Uniform


@pytest.mark.parametrize("seed", range(3))
def test_all_coalitions_give_the_definition(seed: int) -> None:
    value = random_value(6, seed)
    estimate = banzhaf.least_squares(exact_game(value, 6, "uniform"))
    np.testing.assert_allclose(estimate.values[:, 0], banzhaf_values(value, 6), atol=1e-9)


def test_airport_game() -> None:
    """A plane pays for the runway beyond that of the larger ones, had half of them not come."""
    costs = np.array([1.0, 1.5, 4.0, 7.0, 7.5, 11.0])
    steps = np.diff(costs, prepend=0.0)
    # A stretch counts for a plane that needs it where no other that needs it is kept.
    known = np.cumsum(steps * 0.5 ** np.arange(5, -1, -1))
    estimate = banzhaf.least_squares(exact_game(airport(costs), 6, "uniform"))
    np.testing.assert_allclose(estimate.values[:, 0], known, atol=1e-9)


@pytest.mark.parametrize("estimator", [banzhaf.least_squares, banzhaf.ridge])
@pytest.mark.parametrize("paired", [False, True])
def test_level_of_the_behavior_is_nobodys(
    estimator: Callable[[Game], Estimate], paired: bool
) -> None:
    """A FID of 2,000 without an intercept would be explained by the contributors."""
    worth = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0])
    drawn = Uniform(distribution="uniform", count=40, paired=paired)
    game = drawn_game(lambda kept: float(2000 + sum(worth[list(kept)])), 6, drawn, "uniform")
    np.testing.assert_allclose(estimator(game).values[:, 0], worth, atol=1e-3)


@pytest.mark.parametrize(
    "drawn",
    [
        Uniform(distribution="uniform", count=3000),
        Shapley(distribution="shapley", count=3000),
        Shapley(distribution="shapley", count=3000, sampling="leverage"),
    ],
)
def test_coalitions_of_other_distributions_are_weighted(drawn: Distribution) -> None:
    """Shapley's has neither everybody nor nobody: 2 of 2^8 coalitions, which hardly count."""
    value = random_value(8, 5)
    estimate = banzhaf.least_squares(drawn_game(value, 8, drawn, "uniform"))
    errors = np.abs(estimate.values[:, 0] - banzhaf_values(value, 8))
    assert (errors < 4 * estimate.standard_errors[:, 0]).all()


def test_ridge_tells_something_from_fewer_coalitions_than_contributors() -> None:
    rng = np.random.default_rng(0)
    worth = rng.normal(size=40)
    halves = Datamodel(distribution="datamodel", count=30, alpha=0.5)
    game = drawn_game(lambda kept: float(sum(worth[list(kept)])), 40, halves, "uniform")
    estimate = banzhaf.ridge(game)
    assert np.corrcoef(estimate.values[:, 0], worth)[0, 1] > 0.6
    assert np.isfinite(estimate.standard_errors).all()
