"""Euclidean distances between many features, computed in strips of the matrix."""

from collections.abc import Callable

import numpy as np

STRIP_MIB = 256


def reduce_distances(
    rows: np.ndarray, columns: np.ndarray, reduce: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Reduce each row of the matrix of distances.

    Args:
        rows: (n, d) features.
        columns: (m, d) features; the distance of a row to itself is exactly 0 where ``columns`` is
            ``rows``.
        reduce: maps a (k, m) strip of the matrix to (k, ...).

    Returns:
        (n, ...) the concatenated results of ``reduce``.
    """
    from sklearn.metrics import pairwise_distances_chunked

    strips = pairwise_distances_chunked(
        rows, columns, reduce_func=lambda strip, _: reduce(strip), working_memory=STRIP_MIB
    )
    return np.concatenate(list(strips))
