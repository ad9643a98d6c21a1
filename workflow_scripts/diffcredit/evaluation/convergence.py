"""How attributions and their LDS settle as coalitions are added, and what these cost."""

from collections.abc import Callable

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
COLUMNS = ["coalitions", "seconds", "behavior", "lds", "low", "high", "correlation"]


def stops(coalitions: int, points: int) -> list[int]:
    """Numbers of coalitions to stop at, evenly spaced in logarithm, even but for the last."""
    if coalitions <= LEAST:
        return [coalitions]
    spaced = np.geomspace(LEAST, coalitions, points)
    return sorted({*(2 * np.round(spaced[:-1] / 2).astype(int)).tolist(), coalitions})


def affordable(behaviors: pd.DataFrame, seconds: float) -> int:
    """How many of the first coalitions a number of seconds pays for; 0 if their cost is unknown."""
    models = behaviors.drop_duplicates(["coalition", "replicate"])
    costs = models.groupby("coalition")[COSTS].sum(min_count=1).sum(axis=1, skipna=False)
    return int((costs.sort_index().cumsum() <= seconds + 1e-9).sum())


def counts_to_fit(estimator: str, behaviors: pd.DataFrame, points: int) -> list[int]:
    """Numbers of coalitions to fit: `stops`.

    Estimators of a distribution's every coalition, as leave-one-out, have no use for fewer.
    """
    coalitions = behaviors["coalition"].nunique()
    return [coalitions] if _needs_all(estimator) else stops(coalitions, points)


def count_paid_for(estimator: str, behaviors: pd.DataFrame, seconds: float) -> list[int]:
    """The number of coalitions that some seconds pay for; empty where they are too few to fit."""
    paid = affordable(behaviors, seconds)
    least = behaviors["coalition"].nunique() if _needs_all(estimator) else LEAST
    return [paid] if paid >= least else []


def _needs_all(estimator: str) -> bool:
    return ESTIMATORS[estimator].distribution is not None


def convergence_table(
    fit: Callable[[pd.DataFrame], pd.DataFrame],
    behaviors: pd.DataFrame,
    fixed_seconds: float,
    truth: pd.DataFrame,
    counts: list[int],
    settings: Lds,
    seed: int,
) -> pd.DataFrame:
    """One row for each behavior and number of coalitions.

    Args:
        fit: the attribution of a table of behaviors.
        behaviors: gathered behaviors of the coalitions that are added, in their order.
        fixed_seconds: what is spent however few the coalitions: on v(all) and v(none).
        truth: gathered behaviors of the retrained test coalitions.
        counts: the numbers of coalitions to fit.
        settings: resamples and confidence of the LDS.
        seed: of the bootstrap.

    Returns:
        Columns coalitions, seconds (of training, sampling and scoring, with the fixed ones),
        behavior, lds, low, high, and correlation: the rank correlation of the values with those
        that all coalitions give, averaged over queries.
    """
    numbers = np.sort(behaviors["coalition"].unique())
    final = fit(behaviors)
    rows = []
    for count in counts:
        used = behaviors[behaviors["coalition"].isin(numbers[:count])]
        fitted = final if count == len(numbers) else fit(used)
        seconds = fixed_seconds + spent(used)
        for behavior in truth["behavior"].unique():
            measured = truth_of(truth[truth["behavior"] == behavior])
            values = values_of(fitted, behavior)
            predicted = linear_predictions(values, measured)
            drawn = derive(seed, "bootstrap", behavior)
            found = score(
                predicted, measured.values, settings.resamples, settings.confidence, drawn
            )
            agreement = spearman(values, values_of(final, behavior))
            rows.append(
                {
                    "coalitions": count,
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
    models = behaviors.drop_duplicates(["coalition", "replicate"])
    return float(models[COSTS].to_numpy().sum())
