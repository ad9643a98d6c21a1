"""Warnings about results that should not be trusted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from diffcredit.evaluation.lds_table import CEILING, SIZE
from diffcredit.evaluation.unlearning import FORGOTTEN, PARTLY, UNLEARNED

#: Fewest coalitions with enough distinct bootstrap resamples.
LEAST_TO_RESAMPLE = 10
#: Fewest contributors for which a rank correlation has more than a few possible values.
LEAST_TO_CORRELATE = 4


def lds_doubts(table: pd.DataFrame) -> list[str]:
    """Warnings about an LDS table (`lds_table`)."""
    own = table[~table["predictor"].isin([CEILING, SIZE])]
    ceiling = table[table["predictor"] == CEILING]
    return [
        *_few_coalitions(table),
        *_unknown(own),
        *_without_width(table),
        *_spanning_zero(own),
        *_ceiling_at_zero(ceiling),
        *_unknown_ceiling(ceiling),
        *_too_good(own, ceiling),
        *_overlapping(own),
    ]


def _few_coalitions(table: pd.DataFrame) -> list[str]:
    coalitions = int(table["coalitions"].max()) if len(table) else 0
    if not 0 < coalitions < LEAST_TO_RESAMPLE:
        return []
    return [
        f"the LDS has {coalitions} test coalitions: its intervals, resampled from so few, are too "
        f"narrow\n  Hint: {LEAST_TO_RESAMPLE} or more, better 50, of the coalitions of "
        "evaluation.lds.truth"
    ]


def _unknown(own: pd.DataFrame) -> list[str]:
    return _of_pairs(
        own[own["lds"].isna()],
        "no LDS, because its predictions or the measured values are all equal, or not known:",
    )


def _without_width(table: pd.DataFrame) -> list[str]:
    none = table[table["low"].notna() & (table["low"] == table["high"])]
    return _of_pairs(none, "an LDS interval without width, because all resamples agree:")


def _spanning_zero(own: pd.DataFrame) -> list[str]:
    spanning = own[(own["low"] <= 0) & (own["high"] >= 0)]
    return _of_pairs(spanning, "an LDS interval that includes 0, so that it may be chance:")


def _ceiling_at_zero(ceiling: pd.DataFrame) -> list[str]:
    low = ceiling[(ceiling["lds"] <= 0) | (ceiling["low"] <= 0)]
    if low.empty:
        return []
    told = [
        f"of {row.behavior} {row.lds:.2f} [{row.low:.2f}, {row.high:.2f}]"
        for row in low.itertuples()
    ]
    return [
        f"the noise ceiling is {', '.join(told)}: that a second training predicts the first may be "
        "chance, so the LDS says little"
    ]


def _unknown_ceiling(ceiling: pd.DataFrame) -> list[str]:
    none = ceiling[ceiling["lds"].isna()]
    if none.empty:
        return []
    return [
        f"no noise ceiling of {', '.join(dict.fromkeys(none['behavior']))}, because the values of "
        "a training are all equal"
    ]


def _too_good(own: pd.DataFrame, ceiling: pd.DataFrame) -> list[str]:
    """Attributions significantly above the square root of the ceiling, the limit by noise."""
    known = ceiling[ceiling["low"] > 0].set_index("behavior")
    reachable = np.sqrt(known["high"])
    return _of_pairs(
        own[own["low"] > own["behavior"].map(reachable)],
        "an LDS above what the noise of the test trainings allows, the root of the noise ceiling, "
        "as if fitted on the test coalitions:",
    )


def _overlapping(own: pd.DataFrame) -> list[str]:
    """Behaviors for which all attributions have overlapping intervals."""
    known = own[own["low"].notna()]
    behaviors = [
        str(name)
        for name, part in known.groupby("behavior", sort=False)
        if part["predictor"].nunique() > 1 and part["low"].max() <= part["high"].min()
    ]
    if not behaviors:
        return []
    return [
        f"the LDS intervals of all attributions overlap ({', '.join(behaviors)}): their order may "
        "be chance; more test coalitions tell more"
    ]


def _of_pairs(rows: pd.DataFrame, what: str) -> list[str]:
    """One sentence for all attributions and behaviors with the same problem."""
    if rows.empty:
        return []
    named = [
        f"{name} ({', '.join(dict.fromkeys(part['behavior']))})"
        for name, part in rows.groupby("predictor", sort=False)
    ]
    return [f"{what} {', '.join(named)}"]


def convergence_doubts(contributors: int) -> list[str]:
    """Warnings about the convergence table."""
    if contributors >= LEAST_TO_CORRELATE:
        return []
    return [f"rank correlations of {contributors} contributors can take few values: 1 says little"]


def planted_doubts(planted: int, contributors: int) -> list[str]:
    """Warnings about the AUC of the planted contributors."""
    least = min(planted, contributors - planted)
    if least != 1:
        return []
    return [f"the AUC of {planted} planted among {contributors} contributors rests on one of them"]


def interval_doubts(table: pd.DataFrame, low: str, key: Sequence[str], hint: str) -> list[str]:
    """Warnings about rows without an interval.

    Args:
        table: of results.
        low: column with the lower ends.
        key: columns that identify a row.
        hint: how to get intervals.
    """
    rows = table[table[low].isna()]
    if rows.empty:
        return []
    named = dict.fromkeys(" ".join(map(str, row)) for row in rows[list(key)].to_numpy())
    return [f"no interval, from one value alone: {', '.join(named)}\n  Hint: {hint}"]


def unlearning_doubts(outcomes: pd.DataFrame) -> list[str]:
    """Warnings about the outcomes of unlearning."""
    unlearned = outcomes[outcomes["kind"] == UNLEARNED]
    rows = unlearned[["approach", "outcome", "explanation", "seeds"]].to_numpy().tolist()
    far = (FORGOTTEN, PARTLY)
    found = [f"{name}: {told}" for name, outcome, told, _ in rows if outcome not in far]
    single = [name for name, _, _, seeds in rows if seeds < 2]
    if single:
        found.append(
            f"one training seed, so no intervals: {', '.join(single)}\n"
            "  Hint: unlearning.seeds, 2 or more"
        )
    return found
