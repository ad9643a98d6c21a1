"""The two-level estimator: a cheap approach as the control variate of few retrainings."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from games import exact_game, random_value

from diffcredit.attribution import shapley, two_level
from diffcredit.attribution.game import Correction, Estimate, Game
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import table

PLAYERS, NOISE, BUDGET, CHEAPER, REPEATED = 12, 0.3, 48, 10, 3
THREES = np.array(list(itertools.combinations(range(PLAYERS), 3)))


@dataclasses.dataclass(frozen=True)
class World:
    """Games of two approaches: exact values, and cheap ones that are biased and correlated.

    A value is linear in the contributors, plus interactions of three (those of two do not disturb
    paired coalitions), which both approaches share, plus the noise of a training, which they do
    not. The cheap approach moves less far, and is wrong about each contributor.
    """

    worth: np.ndarray
    bias: np.ndarray
    threes: np.ndarray
    rng: np.random.Generator
    noise: float = NOISE

    def exact(self, masks: np.ndarray) -> np.ndarray:
        """(m, Q) by retraining."""
        return self._measured(masks, masks @ self.worth + self._interactions(masks))

    def cheap(self, masks: np.ndarray) -> np.ndarray:
        """(m, Q) by the cheap approach."""
        moved = 0.8 * (masks @ self.worth + self._interactions(masks))
        return self._measured(masks, moved + masks @ self.bias)

    def _measured(self, masks: np.ndarray, values: np.ndarray) -> np.ndarray:
        # Nobody's model is the untrained network in both approaches.
        known = np.where(masks.any(axis=1)[:, None], values, 0.0)
        return known + self.rng.normal(0, self.noise, values.shape)

    def _interactions(self, masks: np.ndarray) -> np.ndarray:
        return masks[:, THREES].all(axis=2) @ self.threes

    def truth(self) -> np.ndarray:
        """(N, Q) Shapley values: an interaction is shared by its contributors alike."""
        mine = (THREES[:, :, None] == np.arange(PLAYERS)).any(axis=1)
        return self.worth + mine.T @ self.threes / 3


def world(seed: int, games: int, bias: float, threes: float) -> World:
    rng = np.random.default_rng(seed)
    return World(
        worth=rng.normal(size=(PLAYERS, games)),
        bias=rng.normal(0, bias, (PLAYERS, games)),
        threes=rng.normal(0, threes, (len(THREES), games)),
        rng=rng,
    )


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    distribution = Shapley(distribution="shapley", count=count, paired=True)
    rows = table(distribution, PLAYERS, seed, range(count))
    return np.stack(list(rows["mask"])), rows["pair"].to_numpy()


def everyone(times: int) -> np.ndarray:
    return np.ones((times, PLAYERS), dtype=bool)


def retrained(of: World, count: int, seed: int) -> Game:
    masks, clusters = drawn(count, seed)
    ends = everyone(REPEATED)
    return Game(masks, of.exact(masks), np.ones(count), clusters, of.exact(ends), of.exact(~ends))


def both(of: World, cheap: int, corrections: int, seed: int) -> Game:
    masks, clusters = drawn(cheap, seed)
    few, of_few = drawn(corrections, seed + 1000)
    ends = everyone(REPEATED)
    return Game(
        masks=masks,
        values=of.cheap(masks),
        weights=np.ones(cheap),
        clusters=clusters,
        full=of.cheap(ends),
        none=of.exact(~ends),
        correction=Correction(
            masks=few,
            cheap=of.cheap(few),
            exact=of.exact(few),
            weights=np.ones(corrections),
            clusters=of_few,
            full=of.exact(ends),
        ),
    )


def relative_error(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((values - truth) ** 2).mean() / (truth**2).mean()))


def covered(estimate: Estimate, truth: np.ndarray) -> float:
    return float((np.abs(estimate.values - truth) <= 1.96 * estimate.standard_errors).mean())


def correlation(of: World) -> float:
    """Of what the contributors leave unexplained, from many coalitions."""
    many = both(of, 2, 400, 9).correction
    assert many is not None
    return float(two_level.residual_correlation(many).mean())


@pytest.mark.slow
@pytest.mark.parametrize(("bias", "threes", "rho"), [(0.2, 0.3, 0.93), (0.0, 0.2, 0.84)])
def test_beats_plain_retraining_at_equal_cost(bias: float, threes: float, rho: float) -> None:
    """At the cost of 48 retrainings; the cheap approach costs a tenth and correlates by rho."""
    of = world(0, games=40, bias=bias, threes=threes)
    assert correlation(of) == pytest.approx(rho, abs=0.02)
    cheap, corrections = two_level.optimal_split(BUDGET, 1 / CHEAPER, 1.0, rho)
    cheap, corrections = cheap // 2 * 2, corrections // 2 * 2  # in pairs
    assert cheap / CHEAPER + corrections * (1 + 1 / CHEAPER) <= BUDGET
    errors: dict[str, list[float]] = {}
    coverage = []
    for seed in range(4):
        plain, mixed = retrained(of, BUDGET, seed), both(of, cheap, corrections, seed)
        estimates = {
            "two-level": two_level.ridge(mixed),
            "two-level free": two_level.ridge_free(mixed),
            "ridge": shapley.ridge(plain),
            "ridge free": shapley.ridge_free(plain),
            "plain": shapley.constrained(plain),
        }
        for name, estimate in estimates.items():
            errors.setdefault(name, []).append(relative_error(estimate.values, of.truth()))
        coverage.append(covered(estimates["two-level"], of.truth()))
    means = {name: np.mean(found) for name, found in errors.items()}
    assert means["two-level"] < 0.75 * means["ridge"]
    assert means["two-level"] < 0.75 * means["plain"]
    assert means["two-level free"] < 0.6 * means["ridge free"]
    assert 0.85 <= np.mean(coverage) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("threes", [0.0, 0.2])
@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("estimator", [two_level.ridge, two_level.ridge_free])
def test_intervals_cover(estimator: Callable[[Game], Estimate], bias: float, threes: float) -> None:
    """Also where the corrections are few and shrunken."""
    of = world(5, games=40, bias=bias, threes=threes)
    found = [covered(estimator(both(of, 120, 32, seed)), of.truth()) for seed in range(5)]
    assert 0.87 <= np.mean(found) <= 0.99


@pytest.mark.parametrize("estimator", [two_level.ridge, two_level.ridge_free])
def test_bias_of_the_cheap_approach_is_removed(estimator: Callable[[Game], Estimate]) -> None:
    """Enough corrections leave nothing of it, however many cheap coalitions there are."""
    of = world(1, games=20, bias=1.0, threes=0.0)
    mixed = both(of, 400, 200, 0)
    assert relative_error(shapley.ridge(mixed).values, of.truth()) > 0.5
    assert relative_error(estimator(mixed).values, of.truth()) < 0.1


def test_values_add_up_to_the_exact_all_minus_none() -> None:
    of = world(2, games=5, bias=0.3, threes=0.3)
    mixed = both(of, 60, 12, 0)
    assert mixed.correction is not None
    total = mixed.correction.full.mean(axis=0) - mixed.none.mean(axis=0)
    np.testing.assert_allclose(two_level.ridge(mixed).values.sum(axis=0), total, atol=1e-8)


def test_additive_games_are_recovered_though_the_cheap_one_is_another() -> None:
    """To 1 in 1,000, where there is no noise and every pair could be left out."""
    rng = np.random.default_rng(0)
    of = World(
        worth=rng.normal(size=(PLAYERS, 3)),
        bias=rng.normal(size=(PLAYERS, 3)),
        threes=np.zeros((len(THREES), 3)),
        rng=rng,
        noise=0.0,
    )
    for estimator in (two_level.ridge, two_level.ridge_free):
        values = estimator(both(of, 80, 80, 0)).values
        np.testing.assert_allclose(values, of.worth, atol=2e-3)


def test_cheap_approach_that_is_exact_needs_no_correction() -> None:
    """The values are those of its own many coalitions."""
    game = exact_game(random_value(6, 0), 6, "shapley")
    some = np.arange(0, 62, 3)
    correction = Correction(
        masks=game.masks[some],
        cheap=game.values[some],
        exact=game.values[some],
        weights=game.weights[some],
        clusters=some,
        full=game.full,
    )
    estimate = two_level.ridge(dataclasses.replace(game, correction=correction))
    np.testing.assert_allclose(estimate.values, shapley.ridge(game).values, atol=1e-8)


def test_unit_of_the_cheap_approach_does_not_matter() -> None:
    of = world(3, games=6, bias=0.2, threes=0.2)
    mixed = both(of, 60, 16, 0)
    assert mixed.correction is not None
    other = dataclasses.replace(
        mixed,
        values=5 * mixed.values,
        full=5 * mixed.full,
        none=mixed.none,
        correction=dataclasses.replace(mixed.correction, cheap=5 * mixed.correction.cheap),
    )
    free, expected = two_level.ridge_free(other), two_level.ridge_free(mixed)
    np.testing.assert_allclose(free.values, expected.values, atol=1e-8)
    np.testing.assert_allclose(free.standard_errors, expected.standard_errors, atol=1e-8)


def test_noise_of_the_endpoints_enters_as_the_values_depend_on_them() -> None:
    of = world(4, games=3, bias=0.2, threes=0.2)
    mixed = both(of, 60, 16, 0)
    few = mixed.correction
    assert few is not None
    steps = {"same": [0.0, 0, 0], "shifted": [1e-4, 1e-4, 1e-4], "noisy": [-100.0, 0, 100]}

    def moved(end: str, by: str) -> Game:
        """v(all) cheap, v(none), or v(all) exact with other measurements."""
        change = np.array(steps[by])[:, None]
        if end == "exact full":
            full = few.full.mean(axis=0) + change
            return dataclasses.replace(mixed, correction=dataclasses.replace(few, full=full))
        return dataclasses.replace(mixed, **{end: getattr(mixed, end).mean(axis=0) + change})

    for end in ("full", "none", "exact full"):
        same, shifted, noisy = (two_level.ridge(moved(end, by)) for by in steps)
        slope = (shifted.values - same.values) / 1e-4
        np.testing.assert_allclose(
            noisy.standard_errors**2,
            same.standard_errors**2 + slope**2 * 100**2 / 3,
            rtol=1e-4,
        )


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
def test_split_has_the_least_variance(correlation: float) -> None:
    budget, cost_cheap, cost_exact = 3000.0, 2.0, 20.0
    cheap, corrections = two_level.optimal_split(budget, cost_cheap, cost_exact, correlation)
    assert cheap * cost_cheap + corrections * (cost_cheap + cost_exact) <= budget
    explained = correlation**2

    def variance(corrections: np.ndarray) -> np.ndarray:
        left = (budget - corrections * (cost_cheap + cost_exact)) / cost_cheap
        return explained / np.maximum(left, 1e-9) + (1 - explained) / corrections

    every = np.arange(1, int(budget / (cost_cheap + cost_exact)) + 1)
    assert variance(np.array([corrections]))[0] <= 1.01 * variance(every).min()


def test_split_by_a_perfect_correlation_is_told() -> None:
    with pytest.raises(ValueError, match="below 1"):
        two_level.optimal_split(100, 1, 10, 1.0)
