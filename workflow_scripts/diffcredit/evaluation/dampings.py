"""The LDS of scores at every damping of their grid, with the chosen damping."""

import numpy as np
import pandas as pd

from diffcredit.attribution.image_scores.contributors import ExplainedBehavior, lds_by_damping
from diffcredit.behaviors.table import Behaviors


def damping_table(
    grid: pd.DataFrame,
    explained: dict[str, ExplainedBehavior],
    contributor_ids: np.ndarray,
    groups: str,
    truth: Behaviors,
    average: str = "correlations",
) -> pd.DataFrame:
    """The grid of one attribution, with the LDS of each damping.

    Args:
        grid: columns attribution, behavior, damping, lds (on the coalitions for choosing the
            damping), chosen.
        explained: scores by behavior.
        contributor_ids: (n,) contributor of each training image.
        groups: how the scores of a contributor's images are aggregated.
        truth: behaviors of the test coalitions.
        average: what is averaged over training seeds; see `lds`.

    Returns:
        Columns attribution, behavior, damping, lds_chosen_on, lds (on the test coalitions), chosen;
        seeds and average, as in the LDS table.
    """
    tables = []
    for behavior, of in explained.items():
        measured = truth.of_behavior(behavior)
        scores = lds_by_damping(of, contributor_ids, groups, measured, average)
        rows = grid[grid["behavior"] == behavior].rename(columns={"lds": "lds_chosen_on"})
        tables.append(rows.assign(lds=scores))
    order = ["attribution", "behavior", "damping", "lds_chosen_on", "lds", "chosen"]
    table = pd.concat(tables, ignore_index=True)[order]
    return table.assign(seeds=truth.models["training_seed"].nunique(), average=average)
