"""Games whose values are known."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from diffcredit.attribution.game import Game
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.listed import Listed
from diffcredit.coalitions.table import importance, table
from diffcredit.registry import DISTRIBUTIONS

Value = Callable[[frozenset[int]], float]


def every_mask(players: int) -> np.ndarray:
    """(2^N, N) all coalitions."""
    return (np.arange(2**players)[:, None] >> np.arange(players)) % 2 == 1


def random_value(players: int, seed: int) -> Value:
    """A game that follows no rule."""
    rng = np.random.default_rng(seed)
    worth = {frozenset(np.flatnonzero(mask)): rng.normal(0, 10) for mask in every_mask(players)}
    return lambda kept: float(worth[kept])


def airport(costs: np.ndarray) -> Value:
    """The runway's cost is that of its largest plane."""
    return lambda kept: float(max((costs[p] for p in kept), default=0.0))


def exact_game(value: Value, players: int, definition: str) -> Game:
    """All coalitions that the definition gives a weight, as a complete list of them."""
    masks = every_mask(players)
    listed = Listed(distribution="file", path="every.csv")
    weights = importance(masks, DISTRIBUTIONS[definition](), listed)
    masks, weights = masks[weights > 0], weights[weights > 0]
    return Game(
        masks=masks,
        values=np.array([[value(frozenset(np.flatnonzero(mask)))] for mask in masks]),
        weights=weights,
        clusters=np.arange(len(masks)),
        full=np.array([[value(frozenset(range(players)))]]),
        none=np.array([[value(frozenset())]]),
    )


def shapley_values(value: Value, players: int) -> np.ndarray:
    """The definition: mean marginal contribution over all orders of arrival."""
    weights = [
        math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)
        for size in range(players)
    ]
    return _marginal(value, players, weights)


def banzhaf_values(value: Value, players: int) -> np.ndarray:
    """The definition: mean marginal contribution over all coalitions of the others."""
    return _marginal(value, players, [2.0 ** (1 - players)] * players)


def _marginal(value: Value, players: int, weights: list[float]) -> np.ndarray:
    """Weights are those of one coalition of the others of each size."""
    result = np.zeros(players)
    for player in range(players):
        others = [p for p in range(players) if p != player]
        for size in range(players):
            for kept in itertools.combinations(others, size):
                before = frozenset(kept)
                result[player] += weights[size] * (value(before | {player}) - value(before))
    return result


def drawn_game(value: Value, players: int, distribution: Distribution, definition: str) -> Game:
    """Coalitions of a distribution, weighted for the values of a definition; no noise."""
    drawn = table(distribution, players, 0, range(distribution.options.count or players))
    masks = np.stack(list(drawn["mask"]))
    weights = importance(masks, DISTRIBUTIONS[definition](), distribution)
    counted = weights > 0
    return Game(
        masks=masks[counted],
        values=np.array([[value(frozenset(np.flatnonzero(mask)))] for mask in masks[counted]]),
        weights=weights[counted],
        clusters=drawn["pair"].to_numpy()[counted],
        full=np.array([[value(frozenset(range(players)))]]),
        none=np.array([[value(frozenset())]]),
    )
