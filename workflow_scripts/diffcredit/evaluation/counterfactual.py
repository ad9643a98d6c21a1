"""Counterfactual evaluation: behaviors after the top or bottom contributors are removed.

For each attribution, the contributors with the largest values (top) or the smallest values (bottom)
are removed, or only the top is kept. Models of the remaining images show how the behavior changes,
compared with random removals. Values have the direction of the behavior: where lower is better, the
top contributors are the most harmful ones, which column "who" of the table says.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from diffcredit.behaviors.table import Behaviors
from diffcredit.coalitions.requested.counterfactual import ACTIONS
from diffcredit.coalitions.requested.ranking import RANDOM
from diffcredit.registry import Better

#: Description of the contributors with the largest and the smallest values, by direction.
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


def counterfactual_table(
    coalitions: pd.DataFrame,
    behaviors: Behaviors,
    full: Behaviors,
    confidence: float,
    better: Mapping[str, Better],
) -> pd.DataFrame:
    """Relative change of each behavior, (v(S) - v(all)) / |v(all)|, by attribution and action.

    Args:
        coalitions: of `coalitions.requested.counterfactual`.
        behaviors: of their models.
        full: behaviors of v(all).
        confidence: level of the intervals.
        better: behavior -> which values are good.

    Returns:
        Columns attribution, behavior, better, action, who (are acted on), fraction, removed
        (contributors), models, change, low, high. Attributions are evaluated on the behavior that
        they explain, random removals on all of these. Intervals are Student's, with the delta
        method for the ratio, over training seeds and, for random removals, over repetitions. They
        are NaN for a single model.
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
            repeated = "coalition" if len(part) > 1 else "training_seed"
            units = values.groupby(repeated)["value"].mean()
            base = everyone.loc[everyone["behavior"] == behavior, "value"]
            change = _relative_change(units.to_numpy(), base.to_numpy(), confidence)
            way = better[str(behavior)]
            about = {"better": way, "who": _who(str(row["action"]), way)}
            counts = {"removed": int((~part["mask"].iloc[0]).sum()), "models": len(values)}
            rows.append(row | {"behavior": behavior} | about | counts | change)
    order = "attribution behavior better action who fraction removed models change low high"
    return pd.DataFrame(rows)[order.split()]


def _who(action: str, better: Better) -> str:
    """Description of the contributors of an action."""
    if action not in ACTIONS:
        return RANDOM
    return (SMALLEST if action == "remove bottom" else LARGEST)[better]


def _mean_over_queries(behaviors: Behaviors) -> pd.DataFrame:
    key = ["coalition", "training_seed", "behavior"]
    return behaviors.by_model().groupby(key)["value"].mean().reset_index()


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
