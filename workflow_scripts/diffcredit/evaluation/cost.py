"""The cost of each approach's models."""

import pandas as pd

from diffcredit.behaviors.table import COSTS


def cost_table(behaviors: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean seconds of one model of each approach and distribution.

    Args:
        behaviors: "approach/distribution" -> gathered behaviors.

    Returns:
        Columns approach, distribution, models, seconds of training, sampling, scoring and
        altogether for one model, and the total for all.
    """
    rows = []
    for name, table in behaviors.items():
        models = table.drop_duplicates(["coalition", "replicate"])[COSTS]
        approach, distribution = name.split("/")
        rows.append(
            {
                "approach": approach,
                "distribution": distribution,
                "models": len(models),
                **models.mean().to_dict(),
                "seconds_model": models.sum(axis=1).mean(),
                "seconds_total": models.to_numpy().sum(),
            }
        )
    return pd.DataFrame(rows)
