"""Features on disk: memory-mapped arrays, with the facts that identify them.

A shard of images is a folder of gradients.npy (n, Z), residuals.npy (n,) and facts.json. Images are
added in blocks; an interrupted job continues at the block where it stopped.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffcredit import time_limit
from diffcredit.attribution.gradients.features import GradientFeatures
from diffcredit.errors import UserError
from diffcredit.files import read_array, read_json, resumable, write_json
from diffcredit.logs import Progress

GRADIENTS, RESIDUALS, FACTS = "gradients.npy", "residuals.npy", "facts.json"
PROGRESS = "progress.json"


@dataclass(frozen=True)
class LoadedFeatures:
    """Features of n images in memory.

    Attributes:
        gradients: (n, Z) float32.
        residuals: (n,) float32.
    """

    gradients: np.ndarray
    residuals: np.ndarray


def fill(
    folder: Path,
    facts: Mapping[str, Any],
    shape: tuple[int, int],
    compute: Callable[[slice], GradientFeatures],
    block: int,
    label: str,
) -> None:
    """Compute features block by block; the folder appears when all are complete.

    Args:
        folder: of the shard.
        facts: they identify the features; unfinished features of other facts are not continued.
        shape: (n, Z).
        compute: returns the features of a slice of the n images.
        block: images in a block.
        label: of the job, for progress messages.
    """
    images, _ = shape
    with resumable(folder) as partial:
        done = _done(partial, facts, shape)
        blocks = [slice(n, min(n + block, images)) for n in range(done, images, block)]
        gradients = _array(partial / GRADIENTS, shape, done)
        residuals = _array(partial / RESIDUALS, shape[:1], done)
        progress = Progress(label, len(blocks), "blocks of images", every=5.0)
        for rows in blocks:
            found = compute(rows)
            gradients[rows] = found.gradients.cpu().numpy()
            residuals[rows] = found.residuals.cpu().numpy()
            gradients.flush()
            residuals.flush()
            write_json({"facts": facts, "shape": shape, "done": rows.stop}, partial / PROGRESS)
            progress.advance()
            time_limit.stop_if_near()
        (partial / PROGRESS).unlink(missing_ok=True)
        write_json(facts, partial / FACTS)


def _done(partial: Path, facts: Mapping[str, Any], shape: tuple[int, int]) -> int:
    """Number of images that an interrupted job has finished, whatever the size of its blocks."""
    if not (partial / PROGRESS).exists():
        return 0
    left = read_json(partial / PROGRESS)
    same = left["facts"] == dict(facts) and left["shape"] == list(shape)
    return int(left["done"]) if same else 0


def _array(path: Path, shape: tuple[int, ...], done: int) -> np.memmap:
    mode: Any = "r+" if done else "w+"
    return np.lib.format.open_memmap(path, mode=mode, dtype=np.float32, shape=shape)


def read(folders: Sequence[Path], expected: Mapping[str, Any]) -> LoadedFeatures:
    """The features of consecutive shards.

    Raises:
        UserError: names the first unexpected fact, or a broken file.
    """
    for folder in folders:
        _check_facts(folder, expected)
    arrays = [[read_array(folder / name) for folder in folders] for name in (GRADIENTS, RESIDUALS)]
    gradients, residuals = (np.concatenate(parts) for parts in arrays)
    return LoadedFeatures(gradients, residuals)


def _check_facts(folder: Path, expected: Mapping[str, Any]) -> None:
    facts = read_json(folder / FACTS)
    for key, wanted in expected.items():
        if facts.get(key) != wanted:
            raise UserError(
                f"{folder} holds features of another {key}: {facts.get(key)!r}, not {wanted!r}\n"
                "    Hint: delete the folder and run again."
            )


def digest(array: torch.Tensor) -> str:
    """A digest of an array's entries."""
    content = array.detach().cpu().contiguous().numpy().tobytes()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def shard(images: int, shards: int, number: int) -> slice:
    """The images of one of several shards.

    Raises:
        UserError: if there are fewer images than shards.
    """
    if images < shards:
        raise UserError(f"shards = {shards}: must not exceed the {images} training images")
    bounds = np.linspace(0, images, shards + 1).astype(int)
    return slice(int(bounds[number]), int(bounds[number + 1]))


def check_memory(images: int, dimensions: int) -> None:
    """Check the memory for scores: two copies of the features and a matrix of the smaller size.

    Raises:
        UserError: if this machine has too little memory.
    """
    smaller = min(images, dimensions)
    needed = 4 * (2 * images * dimensions + 6 * smaller**2)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise UserError(
            f"dimensions = {dimensions}: scores of {images} images need {needed / 2**30:.0f} GB "
            f"of memory; there are {there / 2**30:.0f} GB\n    Hint: fewer dimensions"
        )
