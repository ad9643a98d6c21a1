"""Leave-one-out and add-one-in: differences of two models, and how far they can be trusted."""

import dataclasses

import numpy as np
import pytest
from games import drawn_game, random_value

from diffcredit.attribution import marginal
from diffcredit.attribution.game import Game
from diffcredit.coalitions.single import AddOneIn, LeaveOneOut

WITHOUT = LeaveOneOut(distribution="leave_one_out")
ALONE = AddOneIn(distribution="add_one_in")


def repeated(game: Game, seeds: int, noise: float, targets: int) -> Game:
    """The same measured with noise, by several training seeds, for many targets."""
    rng = np.random.default_rng(0)

    def measured(exact: np.ndarray, times: int) -> np.ndarray:
        rows = np.repeat(exact, times, axis=0)
        return rows + rng.normal(0, noise, (len(rows), targets))

    return dataclasses.replace(
        game,
        masks=np.repeat(game.masks, seeds, axis=0),
        values=measured(game.values, seeds),
        weights=np.repeat(game.weights, seeds),
        clusters=np.repeat(game.clusters, seeds),
        full=measured(game.full, 3),
        none=measured(game.none, 3),
    )


def game_of(distribution: LeaveOneOut | AddOneIn) -> tuple[Game, np.ndarray, np.ndarray]:
    """A random game of 6 and its true differences: without each, and of each alone."""
    value = random_value(6, 3)
    everyone = frozenset(range(6))
    without = np.array([value(everyone) - value(everyone - {i}) for i in range(6)])
    alone = np.array([value(frozenset({i})) - value(frozenset()) for i in range(6)])
    # All sizes have the same weight within one of these distributions.
    return drawn_game(value, 6, distribution, "shapley"), without, alone


def test_leave_one_out_is_the_difference() -> None:
    game, without, _ = game_of(WITHOUT)
    np.testing.assert_allclose(marginal.leave_one_out(game).values[:, 0], without)


def test_add_one_in_is_the_difference() -> None:
    game, _, alone = game_of(ALONE)
    np.testing.assert_allclose(marginal.add_one_in(game).values[:, 0], alone)


def test_one_training_seed_tells_no_error() -> None:
    assert np.isnan(marginal.leave_one_out(game_of(WITHOUT)[0]).standard_errors).all()


@pytest.mark.parametrize("seeds", [2, 4])
def test_standard_errors_are_those_of_means_of_seeds(seeds: int) -> None:
    """sqrt(noise^2 / seeds + noise^2 / 3), by the models of all contributors together."""
    noise = 0.5
    game, without, _ = game_of(WITHOUT)
    measured = repeated(game, seeds, noise, targets=400)
    estimate = marginal.leave_one_out(measured)
    expected = noise * np.sqrt(1 / seeds + 1 / 3)
    assert np.sqrt((estimate.standard_errors**2).mean()) == pytest.approx(expected, rel=0.05)
    assert (estimate.values - without[:, None]).std() == pytest.approx(expected, rel=0.05)


def test_intervals_cover() -> None:
    game, _, alone = game_of(ALONE)
    estimate = marginal.add_one_in(repeated(game, 3, 0.5, targets=400))
    inside = np.abs(estimate.values - alone[:, None]) <= 1.96 * estimate.standard_errors
    assert 0.88 <= inside.mean() <= 0.97


def test_shuffled_rows_and_unequal_numbers_of_seeds() -> None:
    game, without, _ = game_of(WITHOUT)
    exact = repeated(game, 2, 0.0, targets=1)
    order = np.random.default_rng(1).permutation(len(exact.masks))[:-1]
    shuffled = dataclasses.replace(exact, masks=exact.masks[order], values=exact.values[order])
    estimate = marginal.leave_one_out(shuffled)
    np.testing.assert_allclose(estimate.values[:, 0], without)
    np.testing.assert_allclose(estimate.standard_errors, 0, atol=1e-6)
