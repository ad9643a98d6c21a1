"""The cost of each approach's models."""

from collections.abc import Iterable

import pandas as pd

from diffcredit.behaviors.table import COSTS


def cost_table(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Mean seconds of one model of each approach and distribution.

    Args:
        tables: of the models, one for each approach and distribution; see
            `behaviors.table.Behaviors`.

    Returns:
        Columns approach, distribution, models, seconds of training, sampling, scoring and
        altogether for one model, and the total for all.
    """
    rows = []
    for models in tables:
        seconds = models[COSTS]
        rows.append(
            {
                "approach": models["approach"].iloc[0],
                "distribution": models["distribution"].iloc[0],
                "models": len(models),
                **seconds.mean().to_dict(),
                "seconds_model": seconds.sum(axis=1).mean(),
                "seconds_total": seconds.to_numpy().sum(),
            }
        )
    return pd.DataFrame(rows)
