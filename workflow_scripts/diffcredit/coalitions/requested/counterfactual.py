"""The coalitions of `evaluation.counterfactual`.

They remove the contributors with the largest values of an attribution (top) or the smallest values
(bottom), keep only the top, or remove random contributors.
"""

from __future__ import annotations

import numpy as np

from diffcredit.coalitions.requested.ranking import RANDOM, numbered, without_top
from diffcredit.config.evaluation import Counterfactual
from diffcredit.lazy import pd
from diffcredit.seeds import derive

ACTIONS = ("remove top", "remove bottom", "keep top")


def affected(fraction: float, contributors: int) -> int:
    """Number of contributors in a fraction of them: at least 1, at most all but one."""
    return int(np.clip(np.floor(fraction * contributors + 0.5), 1, contributors - 1))


def coalitions_of_one(settings: Counterfactual) -> int:
    """Number of requested coalitions per attribution."""
    return len(settings.behaviors) * len(ACTIONS) * len(settings.fractions)


def kept(values: np.ndarray, action: str, fraction: float) -> np.ndarray:
    """(N,) mask of the kept contributors, given their (N,) values."""
    count = affected(fraction, len(values))
    return {
        "remove top": without_top(values, count),
        "remove bottom": ~without_top(values, len(values) - count),
        "keep top": ~without_top(values, count),
    }[action]


def ranked_coalitions(
    attribution: str, table: pd.DataFrame, settings: Counterfactual, first: int, seed: int
) -> pd.DataFrame:
    """Requested coalitions of an attribution, one for each behavior, action and fraction.

    Args:
        attribution: its name.
        table: the table of the attribution; values of local behaviors are averaged over queries.
        settings: behaviors and fractions.
        first: number of the first coalition.
        seed: of the trainings; equal coalitions have equal training seeds.

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
    """Coalitions without random contributors; columns as in `ranked_coalitions`."""
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
