"""Shapley estimators against the definition, the published closed form and additive games."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from games import airport, drawn_game, exact_game, random_value, shapley_values

from diffcredit.attribution import shapley
from diffcredit.attribution.game import Estimate, Game
from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import table
from diffcredit.coalitions.uniform import Uniform

Estimator = Callable[[Game], Estimate]
ESTIMATORS = [shapley.constrained, shapley.ridge, shapley.ridge_free]


def sampled_game(
    players: int, count: int, seed: int, queries: int = 1, weighted: bool = False
) -> Game:
    """Coalitions from the kernel with values that follow no rule."""
    rng = np.random.default_rng(seed)
    distribution = Shapley(distribution="shapley", count=count, paired=True)
    drawn = table(distribution, players, seed, range(count))
    return Game(
        masks=np.stack(list(drawn["mask"])),
        values=rng.normal(5, 2, (count, queries)),
        weights=rng.uniform(0.5, 1.5, count) if weighted else np.ones(count),
        clusters=drawn["pair"].to_numpy(),
        full=rng.normal(9, 1, (3, queries)),
        none=rng.normal(-50, 1, (2, queries)),
    )


def additive_game(worth: np.ndarray, base: float, count: int, seed: int) -> Game:
    distribution = Shapley(distribution="shapley", count=count, paired=False)
    drawn = table(distribution, len(worth), seed, range(count))
    masks = np.stack(list(drawn["mask"]))
    return Game(
        masks=masks,
        values=(base + masks @ worth)[:, None],
        weights=np.ones(count),
        clusters=drawn["pair"].to_numpy(),
        full=np.full((2, 1), base + worth.sum()),
        none=np.full((2, 1), base),
    )


def test_airport_game_has_its_known_values() -> None:
    """Each stretch of the runway is shared by the planes that need it."""
    costs = np.array([1.0, 1.5, 4.0, 7.0, 7.5, 11.0])
    steps = np.diff(costs, prepend=0.0)
    known = np.cumsum(steps / np.arange(len(costs), 0, -1))
    estimate = shapley.constrained(exact_game(airport(costs), len(costs), "shapley"))
    np.testing.assert_allclose(estimate.values[:, 0], known, rtol=0, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_all_coalitions_give_the_definition(seed: int) -> None:
    value = random_value(6, seed)
    estimate = shapley.constrained(exact_game(value, 6, "shapley"))
    expected = shapley_values(value, 6)
    np.testing.assert_allclose(estimate.values[:, 0], expected, rtol=0, atol=1e-8)


DRAWN = {
    "kernel": Shapley(distribution="shapley", count=4000, paired=True),
    "leverage": Shapley(distribution="shapley", count=4000, paired=True, sampling="leverage"),
    "balanced": Shapley(distribution="shapley", count=4000, balanced=True),
    "uniform": Uniform(distribution="uniform", count=4000, paired=True),
    "unpaired": Uniform(distribution="uniform", count=4000, paired=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_coalitions_of_any_distribution_tend_to_the_definition(name: str) -> None:
    """The weights undo the sampling: without them the values are off.

    They matter where contributors do different things to small and to large coalitions.
    """
    random = random_value(6, 7)

    def value(kept: frozenset[int]) -> float:
        return random(kept) + (300.0 if 0 in kept and len(kept) <= 1 else 0.0)

    expected = shapley_values(value, 6)
    game = drawn_game(value, 6, DRAWN[name], "shapley")
    alike = dataclasses.replace(game, weights=np.ones(len(game.masks)))
    for used, right in ((game, True), (alike, name in ("kernel", "balanced"))):
        estimate = shapley.constrained(used)
        errors = np.abs(estimate.values[:, 0] - expected) / estimate.standard_errors[:, 0]
        assert (errors.max() < 4) == right


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_coalitions_of_one_size_give_the_values_of_an_additive_game(estimator: Estimator) -> None:
    worth = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0])
    halves = Datamodel(distribution="datamodel", count=30, alpha=0.5)
    game = drawn_game(lambda kept: float(100 + sum(worth[list(kept)])), 6, halves, "shapley")
    np.testing.assert_allclose(estimator(game).values[:, 0], worth, atol=0.02)


@pytest.mark.parametrize("weighted", [False, True])
def test_constrained_is_the_published_closed_form(weighted: bool) -> None:
    """Covert & Lee 2021, eq. 7, with weighted means."""
    game = sampled_game(players=7, count=60, seed=4, queries=3, weighted=weighted)
    z, w = game.masks.astype(float), game.weights / game.weights.sum()
    v1, v0 = game.full.mean(axis=0), game.none.mean(axis=0)
    inverse = np.linalg.inv((z * w[:, None]).T @ z)
    b = (z * w[:, None]).T @ (game.values - v0)
    ones = np.ones((7, 1))
    surplus = (ones.T @ inverse @ b - v1 + v0) / (ones.T @ inverse @ ones)
    expected = inverse @ (b - ones @ surplus)
    np.testing.assert_allclose(shapley.constrained(game).values, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("estimator", [shapley.constrained, shapley.ridge])
@pytest.mark.parametrize("count", [6, 40])
def test_values_add_up_to_all_minus_none(estimator: Estimator, count: int) -> None:
    """Also from fewer coalitions than contributors."""
    game = sampled_game(players=9, count=count, seed=2, queries=4)
    total = game.full.mean(axis=0) - game.none.mean(axis=0)
    np.testing.assert_allclose(estimator(game).values.sum(axis=0), total, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("estimator", "tolerance"),
    [(shapley.constrained, 1e-6), (shapley.ridge, 1e-3), (shapley.ridge_free, 1e-3)],
)
def test_additive_game_is_recovered_from_few_coalitions(
    estimator: Estimator, tolerance: float
) -> None:
    worth = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0, 1.0, -6.0])
    estimate = estimator(additive_game(worth, base=100.0, count=24, seed=0))
    error = np.abs(estimate.values[:, 0] - worth).max()
    assert error < tolerance * np.abs(worth).max()


def test_free_estimator_ignores_none_and_the_constrained_one_does_not() -> None:
    """An extreme v(none), off the line of the other coalitions, drowns the constrained values."""
    worth = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0])
    game = additive_game(worth, base=100.0, count=30, seed=1)
    extreme = dataclasses.replace(game, none=game.none + 1e4)
    free = shapley.ridge_free(extreme).values
    np.testing.assert_array_equal(free, shapley.ridge_free(game).values)
    np.testing.assert_allclose(free[:, 0], worth, atol=0.05)
    assert np.abs(shapley.constrained(extreme).values[:, 0] - worth).min() > 100


@pytest.mark.parametrize("estimator", [shapley.constrained, shapley.ridge])
def test_extreme_none_is_shared_alike_where_loads_are_even(estimator: Estimator) -> None:
    """Each contributor alone, and everybody but each: all are in coalitions of the same sizes."""
    worth, rng = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0]), np.random.default_rng(3)
    players = len(worth)
    alone = np.eye(players, dtype=bool)
    masks = np.vstack([alone, ~alone, alone, ~alone])
    game = dataclasses.replace(
        sampled_game(players, count=len(masks), seed=0),
        masks=masks,
        values=(masks @ worth + rng.normal(0, 2, len(masks)))[:, None],
        clusters=np.r_[0:players, 0:players, players : 2 * players, players : 2 * players],
    )
    extreme = dataclasses.replace(game, none=game.none - 1e4)
    moved = estimator(extreme).values - estimator(game).values
    np.testing.assert_allclose(moved, 1e4 / players, atol=1e-6)
    errors = estimator(extreme).standard_errors
    np.testing.assert_allclose(errors, estimator(game).standard_errors, rtol=1e-6)


def test_balanced_coalitions_keep_an_extreme_none_from_the_values() -> None:
    """How far the values of an additive game are off, less what all share."""
    worth = np.array([3.0, -2.0, 0.5, 8.0, -1.0, 4.0, 1.0, -6.0])

    def errors(balanced: bool) -> np.ndarray:
        drawn = Shapley(distribution="shapley", count=60, balanced=balanced)
        game = drawn_game(lambda kept: float(sum(worth[list(kept)])), len(worth), drawn, "shapley")
        extreme = dataclasses.replace(game, none=game.none - 1e3)
        return shapley.constrained(extreme).values[:, 0] - worth - 1e3 / len(worth)

    assert np.abs(errors(balanced=True)).max() < 0.25 * np.abs(errors(balanced=False)).max()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_contributors_that_swap_places_swap_values(estimator: Estimator) -> None:
    game = sampled_game(players=6, count=40, seed=5)
    order = np.array([2, 0, 1, 5, 4, 3])
    swapped = dataclasses.replace(game, masks=game.masks[:, order])
    estimate, expected = estimator(swapped), estimator(game)
    np.testing.assert_allclose(estimate.values, expected.values[order], atol=1e-8)
    np.testing.assert_allclose(estimate.standard_errors, expected.standard_errors[order], atol=1e-8)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_values_follow_the_unit_and_ignore_the_zero_of_the_behavior(estimator: Estimator) -> None:
    game = sampled_game(players=6, count=40, seed=6)
    moved = dataclasses.replace(
        game, values=10 * game.values + 7, full=10 * game.full + 7, none=10 * game.none + 7
    )
    estimate, expected = estimator(moved), estimator(game)
    np.testing.assert_allclose(estimate.values, 10 * expected.values, atol=1e-7)
    np.testing.assert_allclose(
        estimate.standard_errors, 10 * expected.standard_errors, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_many_queries_at_once_equal_one_at_a_time(estimator: Estimator) -> None:
    game = sampled_game(players=6, count=40, seed=7, queries=5)
    together = estimator(game)
    for query in range(5):
        part = slice(query, query + 1)
        one = dataclasses.replace(
            game,
            values=game.values[:, part],
            full=game.full[:, part],
            none=game.none[:, part],
        )
        alone = estimator(one)
        np.testing.assert_allclose(together.values[:, part], alone.values, atol=1e-10)
        np.testing.assert_allclose(
            together.standard_errors[:, part], alone.standard_errors, atol=1e-10
        )
        assert together.strengths[query] == alone.strengths[0]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("endpoint", ["full", "none"])
def test_noise_of_the_endpoints_enters_as_the_values_depend_on_them(
    estimator: Estimator, endpoint: str
) -> None:
    """Variance of the mean of v(all), times the square of what a unit of v(all) does to a value."""
    game = sampled_game(players=6, count=40, seed=8)
    middle = getattr(game, endpoint).mean(axis=0)
    exact, shifted, noisy = (
        dataclasses.replace(game, **{endpoint: middle + np.array(steps)[:, None]})
        for steps in ([0.0, 0.0, 0.0], [1e-4, 1e-4, 1e-4], [-100.0, 0.0, 100.0])
    )
    slope = (estimator(shifted).values - estimator(exact).values) / 1e-4
    np.testing.assert_allclose(estimator(noisy).values, estimator(exact).values, atol=1e-9)
    np.testing.assert_allclose(
        estimator(noisy).standard_errors ** 2,
        estimator(exact).standard_errors ** 2 + slope**2 * 100**2 / 3,
        rtol=1e-4,
    )


def by_equation_7(game: Game, inverse: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Covert & Lee 2021, eq. 7, as it is printed."""
    masks, ones = game.masks.astype(float), np.ones(game.masks.shape[1])
    everyone, nobody = game.full.mean(axis=0), game.none.mean(axis=0)
    a = inverse(masks.T @ masks / len(masks))
    b = masks.T @ (game.values - nobody) / len(masks)
    lagrange = (ones @ a @ b - (everyone - nobody)) / (ones @ a @ ones)
    return a @ (b - np.outer(ones, lagrange))


def misfit(game: Game, values: np.ndarray) -> np.ndarray:
    """(Q,) mean squared error of what values say of the coalitions."""
    return ((game.none.mean(axis=0) + game.masks @ values - game.values) ** 2).mean(axis=0)


@pytest.mark.parametrize(("players", "count"), [(4, 20), (6, 40), (8, 30), (10, 200), (12, 80)])
def test_formula_gives_the_same_values_where_the_coalitions_determine_them(
    players: int, count: int
) -> None:
    game = sampled_game(players, count, seed=2, queries=3)
    expected = by_equation_7(game, np.linalg.inv)
    np.testing.assert_allclose(shapley.constrained(game).values, expected, rtol=1e-7, atol=1e-7)


FEWER = [(8, 4), (12, 6), (20, 8), (30, 12), (50, 40)]


@pytest.mark.parametrize(("players", "count"), FEWER)
def test_fewer_coalitions_than_contributors_give_what_is_nearest_to_equal_shares(
    players: int, count: int
) -> None:
    """Where they are not paired, the formula with a pseudo-inverse gives values that fit worse."""
    rng = np.random.default_rng(players)
    kept = shapley_masks(players, count)
    game = sampled_game(players, count, seed=3, queries=3)
    game = dataclasses.replace(game, masks=kept, clusters=np.arange(count))
    game = dataclasses.replace(game, values=rng.normal(5, 2, (count, 3)))
    found, formula = shapley.constrained(game).values, by_equation_7(game, np.linalg.pinv)
    total = game.full.mean(axis=0) - game.none.mean(axis=0)
    for values in (found, formula):
        np.testing.assert_allclose(values.sum(axis=0), total, rtol=1e-6)
    assert (np.abs(found - formula).max(axis=0) > 0.01).all()
    assert (misfit(game, found) < misfit(game, formula)).all()
    # All that fits as well is this and what no coalition sees, which lies at a right angle.
    rows = np.vstack([kept.astype(float), np.ones(players)])
    unseen = np.linalg.svd(rows)[2][np.linalg.matrix_rank(rows) :]
    assert len(unseen)
    np.testing.assert_allclose(unseen @ (found - total / players), 0, atol=1e-7)


def shapley_masks(players: int, count: int) -> np.ndarray:
    """Of coalitions that are not paired."""
    distribution = Shapley(distribution="shapley", count=count, paired=False)
    return np.stack(list(table(distribution, players, 1, range(count))["mask"]))


@pytest.mark.parametrize(("players", "count"), FEWER)
def test_fewer_paired_coalitions_than_contributors_give_those_of_the_pseudo_inverse(
    players: int, count: int
) -> None:
    game = sampled_game(players, count, seed=3, queries=3)
    expected = by_equation_7(game, np.linalg.pinv)
    np.testing.assert_allclose(shapley.constrained(game).values, expected, rtol=1e-6, atol=1e-6)
