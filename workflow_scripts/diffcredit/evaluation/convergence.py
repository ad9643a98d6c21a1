"""How attributions and their LDS settle as models are added, and what these cost."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import COSTS
from diffcredit.config import Lds
from diffcredit.evaluation.lds import linear_predictions, score, spearman
from diffcredit.evaluation.lds_table import truth_of, values_of
from diffcredit.registry import ESTIMATORS
from diffcredit.seeds import derive

#: Fewest coalitions that are fitted on: two pairs.
LEAST = 4
COLUMNS = ["models", "seconds", "behavior", "lds", "low", "high", "correlation"]
MODEL = ["coalition", "replicate"]


def stops(coalitions: int, points: int) -> list[int]:
    """Numbers of coalitions to stop at, evenly spaced in logarithm, even but for the last."""
    if coalitions <= LEAST:
        return [coalitions]
    spaced = np.geomspace(LEAST, coalitions, points)
    return sorted({*(2 * np.round(spaced[:-1] / 2).astype(int)).tolist(), coalitions})


def growing(estimator: str, behaviors: pd.DataFrame, points: int) -> list[pd.DataFrame]:
    """Ever more of the models, to all: coalitions are added in their order, at `stops`.

    Estimators of a distribution's every coalition, as leave-one-out, have no use for fewer: they
    grow by whole training seeds.
    """
    unit = _unit(estimator)
    units = np.sort(behaviors[unit].unique())
    counts = range(1, len(units) + 1) if unit == "replicate" else stops(len(units), points)
    return [behaviors[behaviors[unit].isin(units[:count])] for count in counts]


def paid_for(estimator: str, behaviors: pd.DataFrame, seconds: float) -> pd.DataFrame | None:
    """The first models that some seconds pay for; None where they are too few to fit.

    They are too few where their cost is unknown.
    """
    unit = _unit(estimator)
    costs = behaviors.drop_duplicates(MODEL).groupby(unit)[COSTS].sum(min_count=1)
    total = costs.sum(axis=1, skipna=False).sort_index().cumsum(skipna=False)
    units = total.index[total <= seconds + 1e-9]
    least = 1 if unit == "replicate" else LEAST
    return behaviors[behaviors[unit].isin(units)] if len(units) >= least else None


def _unit(estimator: str) -> str:
    return "coalition" if ESTIMATORS[estimator].distribution is None else "replicate"


def convergence_table(
    fit: Callable[[pd.DataFrame], pd.DataFrame],
    behaviors: pd.DataFrame,
    parts: Iterable[pd.DataFrame],
    fixed_seconds: float,
    truth: pd.DataFrame,
    settings: Lds,
    seed: int,
) -> pd.DataFrame:
    """One row for each part of the models and each behavior.

    Args:
        fit: the attribution of a table of behaviors.
        behaviors: gathered behaviors of all models.
        parts: rows of ``behaviors`` that are to be fitted on, one after the other.
        fixed_seconds: what is spent however few the models: on v(all) and v(none).
        truth: gathered behaviors of the retrained test coalitions.
        settings: resamples and confidence of the LDS, and what it averages over training seeds.
        seed: of the bootstrap.

    Returns:
        Columns models, seconds (of training, sampling and scoring, with the fixed ones),
        behavior, lds, low, high, and correlation: the rank correlation of the values with those
        that all models give, averaged over queries.
    """
    final = fit(behaviors)
    rows = []
    for used in parts:
        fitted = final if len(used) == len(behaviors) else fit(used)
        models = len(used[MODEL].drop_duplicates())
        seconds = fixed_seconds + spent(used)
        for behavior in truth["behavior"].unique():
            measured = truth_of(truth[truth["behavior"] == behavior])
            values = values_of(fitted, behavior)
            predicted = linear_predictions(values, measured)
            drawn = derive(seed, "bootstrap", behavior)
            how = settings.resamples, settings.confidence, drawn, settings.average
            found = score(predicted, measured.values, *how)
            agreement = spearman(values, values_of(final, behavior))
            rows.append(
                {
                    "models": models,
                    "seconds": seconds,
                    "behavior": behavior,
                    "lds": found.lds,
                    "low": found.low,
                    "high": found.high,
                    "correlation": float(np.mean(agreement)),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def spent(behaviors: pd.DataFrame) -> float:
    """Seconds of training, sampling and scoring of all models of a table."""
    return float(behaviors.drop_duplicates(MODEL)[COSTS].to_numpy().sum())
