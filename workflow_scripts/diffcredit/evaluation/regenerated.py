"""Counterfactuals of single images: regenerate an image after removing its proponents.

For each generated image the contributors that help it most (its proponents) are removed, and a
model trained without them generates the image from the same initial noise (Zheng et al. 2024, arXiv
2311.00500, section 4.3). The further the new image is from the first one, the better the
attribution; random removals are the baseline.
"""

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import Behaviors
from diffcredit.coalitions.requested.proponents_removed import EVERY
from diffcredit.coalitions.requested.ranking import RANDOM
from diffcredit.config import Regenerated
from diffcredit.evaluation.intervals import mean_and_interval


def regenerated_table(
    coalitions: pd.DataFrame, behaviors: Behaviors, settings: Regenerated
) -> pd.DataFrame:
    """How far each regenerated image is from the first one, for each attribution.

    Args:
        coalitions: of `coalitions.requested.proponents_removed`.
        behaviors: of their models, each image compared with the full model's.
        settings: queries, and the behaviors that compare images.

    Returns:
        Columns attribution, behavior, query, value: the mean over training seeds, and over repeated
        random removals.
    """
    requested = coalitions[["index", "attribution", "query"]]
    measured = behaviors.by_model()
    measured = measured[measured["behavior"].isin(settings.compared)]
    merged = measured.merge(
        requested,
        left_on="coalition",
        right_on="index",
        suffixes=("", "_requested"),
        validate="m:1",
    )
    own = (merged["query_requested"] == merged["query"]) | (merged["query_requested"] == EVERY)
    kept = merged[own & (merged["query"] < settings.queries)]
    key = ["attribution", "behavior", "query"]
    return kept.groupby(key, sort=False)["value"].mean().reset_index()


def regenerated_summary(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Means over queries, and differences to random removals for the same queries.

    Returns:
        Columns attribution, behavior, queries, mean, low, high, median, more (mean difference to
        random removals), more_low, more_high: Student's intervals over queries, NaN for one. They
        ignore the variance of the few random removals, which all queries share.
    """
    wide = table.pivot(index=["behavior", "query"], columns="attribution", values="value")
    rows = []
    for behavior in dict.fromkeys(table["behavior"]):
        for name in dict.fromkeys(table["attribution"]):
            values = wide.loc[behavior, name].to_numpy()
            more = (np.nan, np.nan, np.nan)
            if RANDOM in wide and name != RANDOM:
                more = mean_and_interval(values - wide.loc[behavior, RANDOM].to_numpy(), confidence)
            mean = mean_and_interval(values, confidence)
            rows.append((name, behavior, len(values), *mean, float(np.median(values)), *more))
    columns = "attribution behavior queries mean low high median more more_low more_high"
    return pd.DataFrame(rows, columns=columns.split())
