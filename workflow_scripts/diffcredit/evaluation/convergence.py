"""Convergence of attributions and their LDS as models are added, against their cost."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import COSTS
from diffcredit.config import Lds
from diffcredit.evaluation.lds import linear_predictions, score, spearman
from diffcredit.evaluation.lds_table import truth_of, values_of
from diffcredit.registry import ESTIMATORS
from diffcredit.seeds import derive

#: Fewest coalitions for a fit: two pairs.
LEAST = 4
COLUMNS = ["models", "seconds", "behavior", "lds", "low", "high", "correlation"]
MODEL = ["coalition", "replicate"]


def stops(coalitions: int, points: int) -> list[int]:
    """Logarithmically spaced numbers of coalitions; all but the last are even."""
    if coalitions <= LEAST:
        return [coalitions]
    spaced = np.geomspace(LEAST, coalitions, points)
    return sorted({*(2 * np.round(spaced[:-1] / 2).astype(int)).tolist(), coalitions})


def growing(estimator: str, behaviors: pd.DataFrame, points: int) -> list[pd.DataFrame]:
    """Growing subsets of the models, up to all of them; coalitions are added in order, at `stops`.

    Estimators that need every coalition of a distribution, such as leave-one-out, grow by whole
    training seeds.
    """
    unit = _unit(estimator)
    units = np.sort(behaviors[unit].unique())
    counts = range(1, len(units) + 1) if unit == "replicate" else stops(len(units), points)
    return [behaviors[behaviors[unit].isin(units[:count])] for count in counts]


def paid_for(estimator: str, behaviors: pd.DataFrame, seconds: float) -> pd.DataFrame | None:
    """The first models within a budget of seconds; None if they are too few to fit.

    Models of unknown cost count as too few.
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
    """One row for each subset of the models and each behavior.

    Args:
        fit: computes the attribution from a table of behaviors.
        behaviors: gathered behaviors of all models.
        parts: subsets of ``behaviors`` to fit.
        fixed_seconds: cost that does not depend on the number of models: v(all) and v(none).
        truth: gathered behaviors of the retrained test coalitions.
        settings: resamples and confidence of the LDS, and how it averages over training seeds.
        seed: of the bootstrap.

    Returns:
        Columns models, seconds (of training, sampling and scoring, with the fixed ones), behavior,
        lds, low, high, and correlation: the rank correlation of the values with the values from all
        models, averaged over queries.
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
