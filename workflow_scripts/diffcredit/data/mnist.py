"""MNIST and Fashion-MNIST in their published formats: IDX files, or Parquet as on the hub.

The IDX format is LeCun's: two bytes of zeros, one that says that values are bytes, the number of
dimensions, the dimensions as big-endian 32-bit integers, and the values.
"""

import gzip
import math
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from diffcredit.config import Data
from diffcredit.data import published
from diffcredit.data.images import Dataset
from diffcredit.data.published import AGAIN, Published, Split
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS

SIDE = 28
NAMES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}
#: How the IDX files of a split begin.
IDX = {"train": "train", "test": "t10k"}
#: Zeros, and the type of unsigned bytes; the number of dimensions follows.
MAGIC = b"\0\0\x08"
ACCEPTED = (
    "accepted: IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, perhaps with .gz) or the Parquet files of the "
    "Hugging Face hub (train-*.parquet, test-*.parquet)"
)


def read(settings: Data, base: Path) -> Dataset:
    """Read the images of ``settings.path`` (relative to ``base``) and of its subfolders, gray.

    Raises:
        UserError: where a file is missing, truncated or of another format.
    """
    dataset = _published(settings.source)
    return published.read(dataset, partial(_read_idx_split, dataset), settings, base)


def check_mnist(folder: Path, splits: Iterable[str]) -> None:
    """Raise `UserError` where the files of these splits are not in a folder."""
    _check("mnist", folder, splits)


def check_fashion_mnist(folder: Path, splits: Iterable[str]) -> None:
    """The same of Fashion-MNIST."""
    _check("fashion_mnist", folder, splits)


def _check(source: str, folder: Path, splits: Iterable[str]) -> None:
    dataset = _published(source)
    published.check(dataset, partial(_found, dataset), folder, splits)


def _published(source: str) -> Published:
    classes = DATASETS[source].classes
    return Published(NAMES[source], classes, (SIDE, SIDE, 1), ("image",), ACCEPTED)


def files(settings: Data, base: Path, head: object) -> list[Path]:
    """The files that `read` reads; ``head`` is not needed."""
    return published.files(_is_of_split, settings, base)


def _is_of_split(name: str, split: str) -> bool:
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return name.removesuffix(".gz") in [f"{IDX[split]}-{kind}" for kind in kinds]


def _found(dataset: Published, files: list[Path], split: str, folder: Path) -> tuple[Path, Path]:
    """The files of the images and of the labels of a split."""
    if not any("-ubyte" in path.name for path in files):
        raise UserError(
            f"data.path = {folder} holds no {dataset.name} that is read: it has no .parquet and no "
            f"-ubyte files\n    Hint: {ACCEPTED}"
        )
    place = _file(files, split, "images-idx3-ubyte", folder, dataset)
    return place, _file(files, split, "labels-idx1-ubyte", folder, dataset)


def _read_idx_split(dataset: Published, files: list[Path], split: str, folder: Path) -> Split:
    place, beside = _found(dataset, files, split, folder)
    pixels, labels = _read_idx(place, 3), _read_idx(beside, 1)
    if pixels.shape[1:] != dataset.shape[:2]:
        raise UserError(
            f"{place} holds images of {pixels.shape[1]}x{pixels.shape[2]} pixels, not of "
            f"{SIDE}x{SIDE}: it is not of {dataset.name}\n    Hint: {ACCEPTED}"
        )
    if not len(pixels) or len(pixels) != len(labels):
        raise UserError(
            f"{place} holds {len(pixels)} images, {beside.name} {len(labels)} labels\n{AGAIN}"
        )
    return pixels[..., None], dataset.checked(labels, beside)


def _file(files: list[Path], split: str, kind: str, folder: Path, dataset: Published) -> Path:
    """The one file of a kind, compressed or not."""
    name = f"{IDX[split]}-{kind}"
    found = [path for path in files if path.name in (name, f"{name}.gz")]
    if len(found) != 1:
        raise dataset.incomplete(folder, split, found, f"of {name} (or {name}.gz)")
    return found[0]


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array of an IDX file."""
    content, magic = _content(path), MAGIC + bytes([dimensions])
    if content[:4] != magic:
        raise UserError(
            f"{path} begins with {content[:4].hex(' ')}, not with {magic.hex(' ')}: it is no IDX "
            f"file of bytes in {dimensions} dimensions\n    Hint: {ACCEPTED}"
        )
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    wanted = start + math.prod(shape)
    if len(content) != wanted:
        raise UserError(
            f"{path} holds {len(content)} bytes, but its header tells of {wanted}: it is "
            f"truncated, or something was added\n{AGAIN}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}\n{AGAIN}") from error
