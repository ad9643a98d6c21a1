"""The recorded (coalition, value) pairs that removal estimators are fitted on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from diffcredit.errors import UserError


@dataclass(frozen=True)
class Game:
    """Values of coalitions, for Q behaviors (or queries) at once.

    Attributes:
        masks: (m, N) bool, True where a contributor is kept.
        values: (m, Q) v(S).
        weights: (m,) Shapley kernel weight / sampling probability, mean 1.
        clusters: (m,) rows drawn together (a coalition, its complement, other training seeds).
        full: (r, Q) repeated measurements of v(all); no rows where there are none.
        none: (r', Q) of v(none).
    """

    masks: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    full: np.ndarray
    none: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """What an estimator returns.

    Attributes:
        values: (N, Q).
        standard_errors: (N, Q); NaN where there are too few coalitions to tell.
        strengths: (Q,) of the ridge penalty; 0 without one.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    strengths: np.ndarray


def pivot(behaviors: pd.DataFrame) -> pd.DataFrame:
    """Rows (coalition, replicate), columns (behavior, query) in the table's order: the value.

    Raises:
        UserError: if a value is missing or not finite.
    """
    wide = behaviors.pivot(
        index=["coalition", "replicate"], columns=["behavior", "query"], values="value"
    )
    wide = wide[list(dict.fromkeys(zip(behaviors["behavior"], behaviors["query"], strict=True)))]
    if not np.isfinite(wide.to_numpy()).all():
        bad = wide.index[~np.isfinite(wide.to_numpy()).all(axis=1)][0]
        raise UserError(
            f"behaviors of coalition {bad[0]}, training seed {bad[1]} are not finite\n"
            "    Hint: its samples may be broken; look at the log of its shard"
        )
    return wide


def masks_of(behaviors: pd.DataFrame) -> np.ndarray:
    """(m, N) masks in the order of the rows of `pivot`."""
    return np.stack(list(_models(behaviors)["mask"])).astype(bool)


def clusters_of(behaviors: pd.DataFrame) -> np.ndarray:
    """(m,) pair numbers in the order of the rows of `pivot`."""
    return _models(behaviors)["pair"].to_numpy()


def _models(behaviors: pd.DataFrame) -> pd.DataFrame:
    """One row for each model, in the order of the rows of `pivot`."""
    key = ["coalition", "replicate"]
    return behaviors.drop_duplicates(key).sort_values(key)
