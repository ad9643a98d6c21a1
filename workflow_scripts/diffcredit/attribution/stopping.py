"""When there are coalitions enough: an attribution is as precise, or as stable, as asked for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from diffcredit.config.until import Until


@dataclass(frozen=True)
class Reached:
    """How far an attribution has come.

    Attributes:
        coalitions: that it was fitted on.
        standard_error: largest of the contributors', averaged over queries, in units of the
            behavior; None where it is unknown.
        stability: rank correlation of the values with those before the last shard; None where
            there was none, or where all values are equal.
        enough: whether all that is asked for is reached.
    """

    coalitions: int
    standard_error: float | None
    stability: float | None
    enough: bool


def reached(
    attribution: pd.DataFrame | None, before: pd.DataFrame | None, coalitions: int, until: Until
) -> Reached:
    """Compare an attribution with what is asked of it.

    Args:
        attribution: its table; None where the coalitions are too few to be fitted on.
        before: the table from all but the last shard; None where these are too few.
        coalitions: that the attribution was fitted on.
        until: the behavior to look at, and what to reach.
    """
    if attribution is None:
        return Reached(coalitions, None, None, enough=False)
    now = _means(attribution, until.behavior)
    error = _known(now["standard_error"].max())
    stability = None
    if before is not None:
        earlier = _means(before, until.behavior)
        stability = _known(spearmanr(now["value"], earlier["value"]).statistic)
    # What cannot be told is not enough.
    precise = until.standard_error is None or (error is not None and error <= until.standard_error)
    stable = until.stability is None or (stability is not None and stability >= until.stability)
    return Reached(coalitions, error, stability, precise and stable)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _means(attribution: pd.DataFrame, behavior: str) -> pd.DataFrame:
    part = attribution[attribution["behavior"] == behavior]
    return part.groupby("contributor")[["value", "standard_error"]].mean()
