"""The LDS of every attribution, beside the noise ceiling and the number of images kept."""

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import Behaviors, masks_of, pivot
from diffcredit.config import Lds
from diffcredit.config.counts import LEAST_TO_RANK
from diffcredit.errors import UserError
from diffcredit.evaluation.lds import (
    Truth,
    ceiling,
    linear_predictions,
    score,
)
from diffcredit.seeds import derive

CEILING, SIZE = "noise ceiling (retrained again)", "number of images kept"


def lds_table(
    attributions: dict[str, pd.DataFrame],
    truth: Behaviors,
    sizes: np.ndarray,
    settings: Lds,
    seed: int,
) -> pd.DataFrame:
    """One row for each predictor and behavior.

    Args:
        attributions: name -> table with contributor, behavior, query, value.
        truth: behaviors of the retrained test coalitions.
        sizes: (N,) images of each contributor.
        settings: resamples and confidence, and how to average over training seeds.
        seed: of the bootstrap.

    Returns:
        Columns predictor, behavior, the fields of `lds.LdsResult`, coalitions, seeds, average.
        There is no row for a behavior that an attribution does not explain.
    """
    rows = []
    for behavior in truth.names:
        measured = truth_of(truth.of_behavior(behavior))
        queries = measured.values.shape[-1]
        predictions = {
            name: linear_predictions(values_of(table, behavior), measured)
            for name, table in attributions.items()
            if behavior in set(table["behavior"])
        }
        if attributions and not predictions:
            continue
        predictions[SIZE] = linear_predictions(np.tile(sizes[:, None], queries), measured)
        # All predictors have the same resamples, so that their intervals are comparable.
        how = settings.resamples, settings.confidence, derive(seed, "bootstrap", behavior)
        found = {
            name: score(predicted, measured.values, *how, settings.average)
            for name, predicted in predictions.items()
        }
        if len(measured.values) > 1:
            found[CEILING] = ceiling(measured, *how, settings.average)
        rows += [{"predictor": n, "behavior": behavior, **vars(one)} for n, one in found.items()]
    order = [*attributions, CEILING, SIZE]
    rows.sort(key=lambda row: order.index(row["predictor"]))
    return pd.DataFrame(rows).assign(
        coalitions=truth.models["coalition"].nunique(),
        seeds=truth.models["training_seed"].nunique(),
        average=settings.average,
    )


def truth_of(behaviors: Behaviors) -> Truth:
    """Measured values of one behavior of the test coalitions.

    Raises:
        UserError: if there are too few distinct coalitions for ranks.
    """
    wide = pivot(behaviors).sort_index(axis=1)  # queries in the order of `values_of`
    coalitions = wide.index.get_level_values("coalition").unique()
    seeds = wide.index.get_level_values("training_seed").unique()
    masks = masks_of(behaviors)[:: len(seeds)]
    different = len(np.unique(masks, axis=0))
    if different < LEAST_TO_RANK:
        raise UserError(
            f"an LDS needs {LEAST_TO_RANK} test coalitions or more, because it ranks them; those "
            f"of evaluation.lds.truth have {different} different sets of contributors\n"
            "    Hint: name a table, or coalitions, with more, better 50"
        )
    values = wide.to_numpy().reshape(len(coalitions), len(seeds), -1)
    return Truth(masks, values.transpose(1, 0, 2))


def values_of(attribution: pd.DataFrame, behavior: str) -> np.ndarray:
    """(N, Q) values of a behavior."""
    table = attribution[attribution["behavior"] == behavior]
    return table.pivot(index="contributor", columns="query", values="value").to_numpy()
