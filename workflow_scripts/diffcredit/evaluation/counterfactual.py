"""Counterfactuals: what happens when the contributors that an attribution names are taken out?

By each attribution the contributors of the largest values (the top) or of the smallest (the bottom)
are removed, or the top alone is kept; models of what is left tell how the behavior changes. Random
removals are the yardstick. Values are in the direction of the behavior: where lower is better, the
top are those who harmed most, and the tables say so.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from diffcredit.config import Counterfactual
from diffcredit.evaluation.asked import RANDOM, numbered, without_top
from diffcredit.registry import Better
from diffcredit.seeds import derive

ACTIONS = ("remove top", "remove bottom", "keep top")

#: Who the contributors of the largest and of the smallest values are, by what is better.
LARGEST: dict[Better, str] = {
    "higher": "helped most",
    "lower": "harmed most",
    None: "largest values",
}
SMALLEST: dict[Better, str] = {
    "higher": "harmed most",
    "lower": "helped most",
    None: "smallest values",
}


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


def counterfactual_table(
    coalitions: pd.DataFrame,
    behaviors: pd.DataFrame,
    full: pd.DataFrame,
    confidence: float,
    better: Mapping[str, Better],
) -> pd.DataFrame:
    """Relative change of each behavior, (v(S) - v(all)) / |v(all)|, by attribution and action.

    Args:
        coalitions: of `ranked_coalitions` and `random_coalitions`.
        behaviors: gathered behaviors of their models, with their training seeds.
        full: gathered behaviors of v(all).
        confidence: level of the intervals.
        better: behavior -> which values are good.

    Returns:
        Columns attribution, behavior, better, action, who (are acted on), fraction, removed
        (contributors), models, change, low, high. An attribution is judged by the behavior that it
        explains, random removals by every one of them. Intervals are Student's, by the delta method
        for the ratio; over training seeds, and for random removals over the draws. NaN where one
        model alone cannot tell.
    """
    measured = _mean_over_queries(behaviors)
    everyone = _mean_over_queries(full)
    explained = [name for name in coalitions["behavior"].unique() if name]
    rows = []
    key = ["attribution", "behavior", "action", "fraction"]
    for names, part in coalitions.groupby(key, sort=False):
        row = dict(zip(key, names, strict=True))
        of_part = measured[measured["coalition"].isin(part["index"])]
        for behavior in [row["behavior"]] if row["behavior"] else explained:
            values = of_part[of_part["behavior"] == behavior]
            units = values.groupby("coalition" if len(part) > 1 else "replicate")["value"].mean()
            base = everyone.loc[everyone["behavior"] == behavior, "value"]
            change = _relative_change(units.to_numpy(), base.to_numpy(), confidence)
            way = better[str(behavior)]
            about = {"better": way, "who": _who(str(row["action"]), way)}
            counts = {"removed": int((~part["mask"].iloc[0]).sum()), "models": len(values)}
            rows.append(row | {"behavior": behavior} | about | counts | change)
    order = "attribution behavior better action who fraction removed models change low high"
    return pd.DataFrame(rows)[order.split()]


def _who(action: str, better: Better) -> str:
    """Whom an action is about."""
    if action not in ACTIONS:
        return RANDOM
    return (SMALLEST if action == "remove bottom" else LARGEST)[better]


def _mean_over_queries(behaviors: pd.DataFrame) -> pd.DataFrame:
    key = ["coalition", "replicate", "behavior"]
    return behaviors.groupby(key)["value"].mean().reset_index()


def _relative_change(
    values: np.ndarray, everyone: np.ndarray, confidence: float
) -> dict[str, float]:
    value, base = values.mean(), everyone.mean()
    change = float((value - base) / abs(base))
    if len(values) < 2 or len(everyone) < 2:
        return {"change": change, "low": np.nan, "high": np.nan}
    parts = np.array(
        [
            values.var(ddof=1) / len(values) / base**2,
            everyone.var(ddof=1) / len(everyone) * value**2 / base**4,
        ]
    )
    freedoms = np.array([len(values) - 1, len(everyone) - 1])
    if not parts.any():
        return {"change": change, "low": change, "high": change}
    freedom = parts.sum() ** 2 / (parts**2 / freedoms).sum()  # Welch and Satterthwaite
    spread = float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(parts.sum()))
    return {"change": change, "low": change - spread, "high": change + spread}
