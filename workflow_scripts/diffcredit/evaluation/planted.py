"""Planted truth: whether attributions detect the contributors with corrupted images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from diffcredit.registry import Better


def planted_table(
    attributions: dict[str, pd.DataFrame], better: Mapping[str, Better], planted: np.ndarray
) -> pd.DataFrame:
    """How well each attribution separates the planted contributors from the others.

    Args:
        attributions: name -> table with contributor, behavior, value.
        better: behavior -> which values are good; behaviors without a direction are left out.
        planted: numbers of the planted contributors.

    Returns:
        Columns attribution, behavior, auc (1: the planted contributors are the worst, 0.5: chance)
        and ranks (of the planted among all contributors, 1 for the worst). No rows if no
        contributor, or every contributor, is planted.
    """
    rows = []
    for name, table in attributions.items():
        for behavior, part in table.groupby("behavior", sort=False):
            if better[str(behavior)] is None:
                continue  # Without a direction nobody is the worst.
            values = part.groupby("contributor")["value"].mean()
            harm = values if better[str(behavior)] == "lower" else -values
            truth = np.isin(harm.index, planted)
            if truth.all() or not truth.any():
                continue
            ranks = harm.rank(ascending=False, method="min")[truth].astype(int)
            rows.append(
                {
                    "attribution": name,
                    "behavior": behavior,
                    "auc": roc_auc_score(truth, harm),
                    "ranks": " ".join(str(rank) for rank in sorted(ranks)),
                }
            )
    return pd.DataFrame(rows, columns=["attribution", "behavior", "auc", "ranks"])
