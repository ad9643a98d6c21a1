"""Convergence of attributions and their LDS as models are added, against their cost."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import COSTS, Behaviors
from diffcredit.config import Lds
from diffcredit.evaluation.lds import linear_predictions, score, spearman
from diffcredit.evaluation.lds_table import truth_of, values_of
from diffcredit.registry import ESTIMATORS
from diffcredit.seeds import derive

#: Fewest coalitions for a fit: two pairs.
LEAST = 4
COLUMNS = ["models", "seconds", "behavior", "lds", "low", "high", "correlation"]


def stops(coalitions: int, points: int) -> list[int]:
    """Logarithmically spaced numbers of coalitions; all but the last are even."""
    if coalitions <= LEAST:
        return [coalitions]
    spaced = np.geomspace(LEAST, coalitions, points)
    return sorted({*(2 * np.round(spaced[:-1] / 2).astype(int)).tolist(), coalitions})


def growing(estimator: str, behaviors: Behaviors, points: int) -> list[Behaviors]:
    """Growing subsets of the models, up to all of them; coalitions are added in order, at `stops`.

    Estimators that need every coalition of a distribution, such as leave-one-out, grow by whole
    training seeds.
    """
    unit = _unit(estimator)
    of_models = behaviors.models[unit]
    units = np.sort(of_models.unique())
    counts = range(1, len(units) + 1) if unit == "training_seed" else stops(len(units), points)
    return [behaviors.of_models(of_models.isin(units[:count])) for count in counts]


def paid_for(estimator: str, behaviors: Behaviors, seconds: float) -> Behaviors | None:
    """The first models within a budget of seconds; None if they are too few to fit.

    Models of unknown cost count as too few.
    """
    unit = _unit(estimator)
    costs = behaviors.models.groupby(unit)[COSTS].sum(min_count=1)
    total = costs.sum(axis=1, skipna=False).sort_index().cumsum(skipna=False)
    units = total.index[total <= seconds + 1e-9]
    if len(units) < (1 if unit == "training_seed" else LEAST):
        return None
    return behaviors.of_models(behaviors.models[unit].isin(units))


def _unit(estimator: str) -> str:
    return "coalition" if ESTIMATORS[estimator].distribution is None else "training_seed"


def convergence_table(
    fit: Callable[[Behaviors], pd.DataFrame],
    behaviors: Behaviors,
    parts: Iterable[Behaviors],
    fixed_seconds: float,
    truth: Behaviors,
    settings: Lds,
    seed: int,
) -> pd.DataFrame:
    """One row for each subset of the models and each behavior.

    Args:
        fit: computes the attribution from behaviors.
        behaviors: of all models.
        parts: subsets of ``behaviors`` to fit.
        fixed_seconds: cost that does not depend on the number of models: v(all) and v(none).
        truth: behaviors of the retrained test coalitions.
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
        models = len(used.models)
        fitted = final if models == len(behaviors.models) else fit(used)
        seconds = fixed_seconds + used.seconds
        for behavior in truth.names:
            measured = truth_of(truth.of_behavior(behavior))
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
