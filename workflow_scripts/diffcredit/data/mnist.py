"""MNIST and Fashion-MNIST in their published formats: IDX files, or Parquet as on the hub.

The IDX format is LeCun's: two bytes of zeros, one that says that values are bytes, the number of
dimensions, the dimensions as big-endian 32-bit integers, and the values.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from diffcredit.data.digits import DIGITS
from diffcredit.data.published import AGAIN, Published, Split
from diffcredit.errors import UserError

SIDE = 28
#: First part of the names of a split's IDX files.
IDX = {"train": "train", "test": "t10k"}
IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
#: Zeros, and the type of unsigned bytes; the number of dimensions follows.
MAGIC = b"\0\0\x08"
ACCEPTED = (
    "accepted: IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, perhaps with .gz) or the Parquet files of the "
    "Hugging Face hub (train-*.parquet, test-*.parquet)"
)


class Mnist(Published):
    """MNIST: ten classes of handwritten digits, gray."""

    channels = 1
    side = SIDE
    classes = DIGITS
    title = "MNIST"
    columns = ("image",)
    accepted = ACCEPTED

    def is_of_split(self, name: str, split: str) -> bool:
        """See `Published.is_of_split`."""
        return name.removesuffix(".gz") in [f"{IDX[split]}-{kind}" for kind in (IMAGES, LABELS)]

    def find(self, files: list[Path], split: str, folder: Path) -> tuple[Path, Path]:
        """The files of the images and of the labels of a split."""
        if not any("-ubyte" in path.name for path in files):
            raise UserError(
                f"data.path = {folder} holds no {self.title} that is read: it has no .parquet and "
                f"no -ubyte files\n    Hint: {ACCEPTED}"
            )
        images = self._file(files, split, IMAGES, folder)
        return images, self._file(files, split, LABELS, folder)

    def _file(self, files: list[Path], split: str, kind: str, folder: Path) -> Path:
        """The one file of a kind, compressed or not."""
        name = f"{IDX[split]}-{kind}"
        found = [path for path in files if path.name in (name, f"{name}.gz")]
        if len(found) != 1:
            raise self.incomplete(folder, split, found, f"of {name} (or {name}.gz)")
        return found[0]

    def read_split(self, files: list[Path], split: str, folder: Path) -> Split:
        """See `Published.read_split`."""
        place, beside = self.find(files, split, folder)
        pixels, labels = _read_idx(place, 3), _read_idx(beside, 1)
        if pixels.shape[1:] != (SIDE, SIDE):
            raise UserError(
                f"{place} holds images of {pixels.shape[1]}x{pixels.shape[2]} pixels, not of "
                f"{SIDE}x{SIDE}: it is not of {self.title}\n    Hint: {ACCEPTED}"
            )
        if not len(pixels) or len(pixels) != len(labels):
            raise UserError(
                f"{place} holds {len(pixels)} images, {beside.name} {len(labels)} labels\n{AGAIN}"
            )
        return pixels[..., None], self.checked(labels, beside)


class FashionMnist(Mnist):
    """Fashion-MNIST: ten classes of clothes, gray, in the formats of MNIST."""

    classes = (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )
    title = "Fashion-MNIST"


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
