"""The stopping rule: whether an attribution is precise, or stable, enough with its coalitions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from diffcredit.config.until import Until


@dataclass(frozen=True)
class Reached:
    """The precision and stability that an attribution has reached.

    Attributes:
        coalitions: number of coalitions that the attribution was fitted on.
        standard_error: largest standard error of a contributor, averaged over queries, in units of
            the behavior; None where it is unknown.
        stability: rank correlation of the values with those before the last shard; None where
            there was none, or where all values are equal.
        enough: whether all thresholds are reached.
    """

    coalitions: int
    standard_error: float | None
    stability: float | None
    enough: bool


def reached(
    attribution: pd.DataFrame | None, before: pd.DataFrame | None, coalitions: int, until: Until
) -> Reached:
    """Compare an attribution with the thresholds of the stopping rule.

    Args:
        attribution: its table; None where the coalitions are too few to be fitted on.
        before: the table of an attribution without the last shard; None where too few coalitions
            are left.
        coalitions: number of coalitions that the attribution was fitted on.
        until: the behavior to check, and its thresholds.
    """
    if attribution is None:
        return Reached(coalitions, None, None, enough=False)
    now = _means(attribution, until.behavior)
    error = _known(now["standard_error"].max())
    stability = None
    if before is not None:
        earlier = _means(before, until.behavior)
        stability = _known(spearmanr(now["value"], earlier["value"]).statistic)
    # Unknown counts as not enough.
    precise = until.standard_error is None or (error is not None and error <= until.standard_error)
    stable = until.stability is None or (stability is not None and stability >= until.stability)
    return Reached(coalitions, error, stability, precise and stable)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _means(attribution: pd.DataFrame, behavior: str) -> pd.DataFrame:
    part = attribution[attribution["behavior"] == behavior]
    return part.groupby("contributor")[["value", "standard_error"]].mean()
