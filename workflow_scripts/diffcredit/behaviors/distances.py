"""Euclidean distances between many features, a strip of the matrix at a time."""

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
        reduce: makes (k, ...) of a (k, m) strip of the matrix.

    Returns:
        (n, ...) what ``reduce`` makes of all strips.
    """
    from sklearn.metrics import pairwise_distances_chunked

    strips = pairwise_distances_chunked(
        rows, columns, reduce_func=lambda strip, _: reduce(strip), working_memory=STRIP_MIB
    )
    return np.concatenate(list(strips))
