"""What all requested coalitions have in common."""

from __future__ import annotations

import numpy as np

from diffcredit.lazy import pd
from diffcredit.seeds import derive

#: Stands for an attribution where removals are random.
RANDOM = "random"


def without_top(values: np.ndarray, count: int) -> np.ndarray:
    """(N,) mask of all but the largest values (N,); of equal ones the first are the larger."""
    mask = np.ones(len(values), dtype=bool)
    mask[np.argsort(-values, kind="stable")[:count]] = False
    return mask


def numbered(table: pd.DataFrame, first: int, seed: int) -> pd.DataFrame:
    """Coalitions of a column mask with index, seed and pair; equal ones have equal seeds."""
    numbers = first + np.arange(len(table))
    seeds = [derive(seed, np.packbits(mask).tobytes().hex()) for mask in table["mask"]]
    return table.assign(index=numbers, seed=seeds, pair=numbers)
