"""The coalitions of `evaluation.counterfactual`.

Without the contributors of the largest values of an attribution (the top), without those of the
smallest (the bottom), of the top alone; and without random ones.
"""

from __future__ import annotations

import numpy as np

from diffcredit.coalitions.requested.ranking import RANDOM, numbered, without_top
from diffcredit.config.evaluation import Counterfactual
from diffcredit.lazy import pd
from diffcredit.seeds import derive

ACTIONS = ("remove top", "remove bottom", "keep top")


def affected(fraction: float, contributors: int) -> int:
    """Contributors that a fraction of them is: at least 1, at most all but one."""
    return int(np.clip(np.floor(fraction * contributors + 0.5), 1, contributors - 1))


def coalitions_of_one(settings: Counterfactual) -> int:
    """Coalitions that one attribution asks for."""
    return len(settings.behaviors) * len(ACTIONS) * len(settings.fractions)


def kept(values: np.ndarray, action: str, fraction: float) -> np.ndarray:
    """(N,) mask of who stays; values (N,)."""
    count = affected(fraction, len(values))
    return {
        "remove top": without_top(values, count),
        "remove bottom": ~without_top(values, len(values) - count),
        "keep top": ~without_top(values, count),
    }[action]


def ranked_coalitions(
    attribution: str, table: pd.DataFrame, settings: Counterfactual, first: int, seed: int
) -> pd.DataFrame:
    """Coalitions that an attribution asks for, one for each behavior, action and fraction.

    Args:
        attribution: its name.
        table: its values; of vector behaviors the mean over queries counts.
        settings: behaviors and fractions.
        first: number of the first coalition.
        seed: of the trainings; equal coalitions are trained alike.

    Returns:
        Columns index, seed, pair, mask (as of all coalitions), attribution, behavior, action,
        fraction, draw.
    """
    rows = []
    for behavior in settings.behaviors:
        part = table[table["behavior"] == behavior]
        values = part.groupby("contributor")["value"].mean().to_numpy()
        rows += [
            (attribution, behavior, action, fraction, 0, kept(values, action, fraction))
            for action in ACTIONS
            for fraction in settings.fractions
        ]
    return _coalitions(rows, first, seed)


def random_coalitions(
    contributors: int, settings: Counterfactual, first: int, seed: int
) -> pd.DataFrame:
    """Coalitions that lack random contributors; columns as of `ranked_coalitions`."""
    rows = []
    for draw in range(settings.random):
        values = np.random.default_rng(derive(seed, "draw", draw)).random(contributors)
        for fraction in settings.fractions:
            mask = kept(values, "remove top", fraction)
            rows.append((RANDOM, "", "remove random", fraction, draw, mask))
    return _coalitions(rows, first, seed)


def _coalitions(rows: list[tuple], first: int, seed: int) -> pd.DataFrame:
    names = ["attribution", "behavior", "action", "fraction", "draw", "mask"]
    return numbered(pd.DataFrame(rows, columns=names), first, seed)
