"""Warnings about attributions that should not be trusted."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import Behaviors


def attribution_doubts(
    table: pd.DataFrame, behaviors: Behaviors, ends: Iterable[str], regression: bool
) -> list[str]:
    """Warnings about the table of a removal attribution.

    Args:
        table: of `attribution.table.with_credit`.
        behaviors: what the attribution was fitted on.
        ends: of "full" and "none", those that were measured on a single model.
        regression: whether all contributors are fitted together.
    """
    coalitions = behaviors.models["coalition"].nunique()
    contributors, values = table["contributor"].nunique(), behaviors.values
    found = []
    if regression and coalitions < contributors:
        found.append(
            f"{coalitions} coalitions for {contributors} contributors: fewer than unknowns, so the "
            "penalty or the prior decides\n  Hint: 2 to 4 coalitions for each contributor"
        )
    constant = _behaviors(values.groupby("behavior", sort=False)["value"].nunique() == 1)
    if constant:
        found.append(f"all coalitions have the same {constant}: there is nothing to attribute")
    means = table.groupby(["behavior", "contributor"], sort=False)[["value", "standard_error"]]
    by_behavior = means.mean().groupby("behavior", sort=False)
    if table["standard_error"].isna().any():
        found.append("values without a standard error: too few coalitions or training seeds")
    spread = by_behavior["value"].std()
    unknown = _behaviors(~by_behavior["value"].apply(lambda values: np.isfinite(values).all()))
    if unknown:
        found.append(f"values that are not finite ({unknown}): they rank nobody")
    alike = _behaviors(spread == 0)
    if alike and not constant:
        found.append(f"all contributors have the same value ({alike}): their ranks mean nothing")
    drowned = _behaviors((by_behavior["standard_error"].median() >= spread) & (spread > 0))
    if drowned:
        found.append(
            f"standard errors as large as the differences between contributors ({drowned}): the "
            "ranks are mostly noise"
        )
    for end in ends:
        found.append(f"v({end}) was measured once: standard errors lack its noise")
    undirected = table["credit"].isna() & table["value"].notna()
    if undirected.any():
        names = ", ".join(dict.fromkeys(table.loc[undirected, "behavior"]))
        found.append(
            f"which way is better is unknown of {names}: no credit, and rank 1 has the largest "
            "value\n  Hint: records.better says it, as {fid_value: lower}"
        )
    return found


def measured_once(end: Behaviors) -> bool:
    """Whether v(all) or v(none) was measured on a single model."""
    return len(end.models) < 2


def _behaviors(chosen: pd.Series) -> str:
    return ", ".join(map(str, chosen.index[chosen]))
