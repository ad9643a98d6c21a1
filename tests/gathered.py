"""Gathered behaviors from single rows, and rows from gathered behaviors."""

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import COSTS, MODEL, Behaviors


def of_rows(rows: pd.DataFrame) -> Behaviors:
    """Behaviors of rows with columns coalition, training_seed, behavior, query and value.

    Columns pair and mask, and the seconds of the models, may be there, too.
    """
    keys = ["training_seed", "coalition"]
    models = rows.drop_duplicates(keys).sort_values(keys, ignore_index=True)
    models = models.reindex(columns=[*MODEL, *COSTS]).assign(
        model=np.arange(len(models)), approach="approach", distribution="distribution"
    )
    coalitions = rows.drop_duplicates("coalition").rename(columns={"coalition": "index"})
    values = rows.drop(columns="model", errors="ignore").merge(models[["model", *keys]], on=keys)
    return Behaviors(
        models,
        values[["model", "behavior", "query", "value"]],
        coalitions.reindex(columns=["index", "pair", "mask"]),
    )


def rows_of(behaviors: Behaviors) -> pd.DataFrame:
    """A row for each value, with all that is known of its model and coalition."""
    coalitions = behaviors.coalitions.rename(columns={"index": "coalition"})
    return behaviors.values.merge(behaviors.models, on="model").merge(coalitions, on="coalition")
