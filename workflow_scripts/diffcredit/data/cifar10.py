"""CIFAR-10 in its published formats: Parquet as on the hub, or the binary version; no pickles."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from diffcredit.config import Data
from diffcredit.data import published
from diffcredit.data.images import Dataset
from diffcredit.data.published import AGAIN, Published, Split, joined
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS

SIDE, CHANNELS = 32, 3
#: A label, then the red, the green and the blue plane.
RECORD = 1 + CHANNELS * SIDE * SIDE
BINARY = {
    "train": [f"data_batch_{number}.bin" for number in range(1, 6)],
    "test": ["test_batch.bin"],
}
#: The Python version has the same names without a suffix.
PICKLED = [name.removesuffix(".bin") for names in BINARY.values() for name in names]
CIFAR10 = Published(
    name="CIFAR-10",
    classes=DATASETS["cifar10"].classes,
    shape=(SIDE, SIDE, CHANNELS),
    columns=("img", "image"),
    accepted=(
        "accepted: the Parquet files of the Hugging Face hub (train-*.parquet, test-*.parquet) or "
        "the binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin)"
    ),
)


def read(settings: Data, base: Path) -> Dataset:
    """Read the images of ``settings.path`` (relative to ``base``) and of its subfolders.

    Raises:
        UserError: where a file is missing, truncated or of another format.
    """
    return published.read(CIFAR10, _read_binary_split, settings, base)


def check(folder: Path, splits: Iterable[str]) -> None:
    """Raise `UserError` where the files of these splits are not in a folder."""
    published.check(CIFAR10, _found, folder, splits)


def files(settings: Data, base: Path, head: object) -> list[Path]:
    """The files that `read` reads; ``head`` is not needed."""
    return published.files(lambda name, split: name in BINARY[split], settings, base)


def _read_binary_split(files: list[Path], split: str, folder: Path) -> Split:
    return joined(map(_read_binary, _found(files, split, folder)))


def _found(files: list[Path], split: str, folder: Path) -> list[Path]:
    batches = [path for path in files if path.suffix == ".bin"]
    if not batches:
        raise _unknown(folder, files)
    return _batches(batches, split, folder)


def _unknown(folder: Path, files: list[Path]) -> UserError:
    pickled = [path.name for path in files if path.name in PICKLED]
    reason = (
        f"{pickled[0]} is of the Python version, a pickle, and nothing is unpickled"
        if pickled
        else "it has no .parquet and no .bin files"
    )
    return UserError(
        f"data.path = {folder} holds no CIFAR-10 that is read: {reason}\n"
        f"    Hint: {CIFAR10.accepted}"
    )


def _batches(files: list[Path], split: str, folder: Path) -> list[Path]:
    """The files of a split of the binary version, each of which must be there once."""
    found = [path for path in files if path.name in BINARY[split]]
    if sorted(path.name for path in found) != BINARY[split]:
        raise CIFAR10.incomplete(folder, split, found, f"of {', '.join(BINARY[split])}")
    return sorted(found, key=lambda path: path.name)


def _read_binary(path: Path) -> Split:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not content or len(content) % RECORD:
        raise UserError(
            f"{path} holds {len(content)} bytes, not one or more records of {RECORD}: it is "
            f"truncated, or not of CIFAR-10\n{AGAIN}"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
    return planes.transpose(0, 2, 3, 1), CIFAR10.checked(records[:, 0], path)
