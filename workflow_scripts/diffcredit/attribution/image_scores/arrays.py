"""Scores of training images for the queries of behaviors, on disk.

The scores of a behavior's queries are a memory-mapped array (D, M, q, n): by damping, model, query,
and training image. A larger score means that an image helps a query more.
"""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffcredit.errors import UserError
from diffcredit.files import read_array, whole


@dataclass(frozen=True)
class ImageScores:
    """Scores of all training images for the queries of each behavior.

    Attributes:
        damping: number of the damping.
        model: number of the model.
        scores: (q, n) by behavior.
    """

    damping: int
    model: int
    scores: Mapping[str, np.ndarray]


def by_behavior(scores: np.ndarray, queries: Mapping[str, Sized]) -> dict[str, np.ndarray]:
    """Split the scores of all queries into the (q, n) scores of each behavior.

    Args:
        scores: (queries of all behaviors, n).
        queries: of each behavior, in the order of the rows.
    """
    ends = np.cumsum([len(each) for each in queries.values()])[:-1]
    return dict(zip(queries, np.split(scores, ends), strict=True))


def write_scores(folder: Path, dampings: int, models: int, found: Iterable[ImageScores]) -> None:
    """Write scores as they arrive; scores of the same damping and model are added up.

    Args:
        folder: for <behavior>.npy of each behavior.
        dampings: D.
        models: M.
        found: of every damping and model, in any order.
    """
    with whole(folder) as partial:
        partial.mkdir()
        arrays: dict[str, np.memmap] = {}
        for one in found:
            for behavior, rows in one.scores.items():
                if behavior not in arrays:
                    shape = (dampings, models, *rows.shape)
                    arrays[behavior] = _create(partial / f"{behavior}.npy", shape)
                arrays[behavior][one.damping, one.model] += rows
        for array in arrays.values():
            array.flush()


def _create(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """An array of zeros on disk."""
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def read_scores(folder: Path, behavior: str) -> np.ndarray:
    """(D, M, q, n) scores, memory-mapped.

    Raises:
        UserError: if the file is missing or broken.
    """
    return read_array(folder / f"{behavior}.npy")


def by_contributor(scores: np.ndarray, contributor_ids: np.ndarray, groups: str) -> np.ndarray:
    """(..., N) sums, means or maxima of the scores (..., n) of the images of each contributor.

    Args:
        scores: of single images.
        contributor_ids: (n,) contributor of each image, in 0..N-1; every contributor has images.
        groups: "sum", "mean" or "max".
    """
    if scores.shape[-1] != len(contributor_ids):
        raise UserError(
            f"scores of {scores.shape[-1]} images, but there are {len(contributor_ids)}\n"
            "    Hint: the training images have changed; delete the scores and run again."
        )
    order = np.argsort(contributor_ids, kind="stable")
    sizes = np.bincount(contributor_ids)
    starts = np.cumsum(sizes) - sizes
    sorted_scores = scores[..., order]
    if groups == "max":
        return np.maximum.reduceat(sorted_scores, starts, axis=-1)
    total = np.add.reduceat(sorted_scores, starts, axis=-1)
    return total / sizes if groups == "mean" else total
