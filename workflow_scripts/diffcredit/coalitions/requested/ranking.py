"""Shared functions of requested coalitions."""

from __future__ import annotations

import numpy as np

from diffcredit.lazy import pd
from diffcredit.seeds import derive

#: Name in place of an attribution for random removals.
RANDOM = "random"


def without_top(values: np.ndarray, count: int) -> np.ndarray:
    """(N,) mask of all but the largest of (N,) values; ties go to the first."""
    mask = np.ones(len(values), dtype=bool)
    mask[np.argsort(-values, kind="stable")[:count]] = False
    return mask


def numbered(table: pd.DataFrame, first: int, seed: int) -> pd.DataFrame:
    """Add columns index, seed and pair to a table of masks; equal coalitions have equal seeds."""
    numbers = first + np.arange(len(table))
    seeds = [derive(seed, np.packbits(mask).tobytes().hex()) for mask in table["mask"]]
    return table.assign(index=numbers, seed=seeds, pair=numbers)
