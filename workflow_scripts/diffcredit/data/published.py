"""What published datasets share: their Parquet tables on the hub, and checks of what is read."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from diffcredit import folders
from diffcredit.config import Data
from diffcredit.data.formats import UNREADABLE
from diffcredit.data.images import Dataset, decode, nobodys, of_classes, resized
from diffcredit.errors import UserError
from diffcredit.logs import logger

AGAIN = "    Hint: download it again"

#: (n, h, w, c) uint8 pixels and (n,) int64 labels.
Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Published:
    """What the files of a dataset must hold.

    Attributes:
        name: of the dataset.
        classes: names of its labels, from 0.
        shape: (h, w, c) of its images.
        columns: how the column of the images may be called.
        accepted: what is said of the formats that are read.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    columns: tuple[str, ...]
    accepted: str

    def checked(self, labels: np.ndarray, path: Path) -> np.ndarray:
        """The labels as int64, if each is one of the classes.

        Raises:
            UserError: naming the file and the first that is none.
        """
        wrong = np.flatnonzero(~np.isin(labels, np.arange(len(self.classes))))
        if len(wrong):
            raise UserError(
                f"{path}: the label of image {wrong[0]} is {labels[wrong[0]]}, not 0 to "
                f"{len(self.classes) - 1}: it is damaged, or not of {self.name}\n{AGAIN}"
            )
        return labels.astype(np.int64)

    def incomplete(self, folder: Path, split: str, found: list[Path], wanted: str) -> UserError:
        """What to say of a split whose files are not all there, or there twice."""
        there = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        return UserError(
            f"data.path = {folder} does not hold the whole {split} split of {self.name}, once: "
            f"{wanted} there are {there}\n    Hint: {self.accepted}"
        )


def read(
    dataset: Published,
    read_own: Callable[[list[Path], str, Path], Split],
    settings: Data,
    base: Path,
) -> Dataset:
    """Read a dataset from ``settings.path`` (relative to ``base``) and its subfolders.

    The test split is read only where images are held out, which are drawn from it.

    Args:
        dataset: what the files must hold.
        read_own: reads a split, "train" or "test", of the dataset's own format: it is given all
            files of the folder, the split and the folder.
        settings: the configuration.
        base: folder of the configuration.

    Raises:
        UserError: where a file is missing, truncated or of another format.
    """
    folder = _place(settings, base)
    there = _there(folder)

    def split(name: str) -> Split:
        files = there
        tables = [path for path in files if path.suffix == ".parquet"]
        found = (
            _read_hub(tables, name, folder, dataset) if tables else read_own(files, name, folder)
        )
        return resized(found[0], settings.image_size), found[1]

    pixels, labels = split("train")
    return of_classes(
        pixels,
        labels,
        list(dataset.classes),
        owned=settings.contributors == "label",
        test=nobodys(*split("test")) if settings.held_out else None,
    )


def check(
    dataset: Published,
    find_own: Callable[[list[Path], str, Path], object],
    folder: Path,
    splits: Iterable[str],
) -> None:
    """Look for the files of these splits, which are not read.

    Raises:
        UserError: where some are missing, or there twice.
    """
    files = _there(folder)
    tables = [path for path in files if path.suffix == ".parquet"]
    for split in splits:
        if tables:
            _shards(tables, split, folder, dataset)
        else:
            find_own(files, split, folder)


def files(own: Callable[[str, str], bool], settings: Data, base: Path) -> list[Path]:
    """The files that `read` reads, whole or not.

    Args:
        own: whether a file of the dataset's own format, by its name, is of a split.
        settings: as for `read`.
        base: as for `read`.
    """
    there = _there(_place(settings, base))
    splits = ("train", "test") if settings.held_out else ("train",)
    tables = [path for path in there if path.suffix == ".parquet"]
    if tables:
        return [path for path in tables if any(split in path.name for split in splits)]
    return [path for path in there if any(own(path.name, split) for split in splits)]


def _place(settings: Data, base: Path) -> Path:
    assert settings.path is not None
    return base / Path(settings.path).expanduser()


def _there(folder: Path) -> list[Path]:
    """The files below a folder, sorted, without hidden ones; what cannot be read is told."""
    seen = list(folders.walk(folder))
    for entry in seen:
        if entry.why_not and entry.why_not not in folders.IGNORED:
            logger.warning("%s is not read: %s", folder / entry.name, entry.why_not)
    return [folder / name for name in folders.files(seen)]


def joined(parts: Iterable[Split]) -> Split:
    """Several parts of a split, one after the other."""
    pixels, labels = zip(*parts, strict=True)
    return np.concatenate(pixels), np.concatenate(labels)


def _read_hub(tables: list[Path], split: str, folder: Path, dataset: Published) -> Split:
    """Read those Parquet files, with columns {bytes, path} of the image and label, of a split."""
    return joined(_read_table(path, dataset) for path in _shards(tables, split, folder, dataset))


def _shards(files: list[Path], split: str, folder: Path, dataset: Published) -> list[Path]:
    """The Parquet files of a split, each of which must be there once where they are numbered."""
    found = [path for path in files if split in path.name]
    numbered = [match for path in found if (match := re.search(r"-(\d+)-of-(\d+)", path.name))]
    numbers = sorted(int(match[1]) for match in numbered)
    whole = all(numbers == list(range(int(match[2]))) for match in numbered)
    if not found or not whole:
        wanted = f"of Parquet files with {split} in their names"
        raise dataset.incomplete(folder, split, found, wanted)
    return found


def _read_table(path: Path, dataset: Published) -> Split:
    try:
        table = parquet.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{path} cannot be read as a Parquet table: {reason}\n{AGAIN}") from error
    names = table.column_names
    image = next((name for name in dataset.columns if name in names), None)
    if image is None or "label" not in names:
        first, *others = dataset.columns
        called = first + "".join(f" (or {other})" for other in others)
        raise UserError(
            f"{path} needs the columns {called} and label; it has {', '.join(names)}\n"
            f"    Hint: {dataset.accepted}"
        )
    if table.num_rows == 0:
        raise UserError(f"{path} holds no images\n{AGAIN}")
    cells = enumerate(table[image].to_pylist())
    pixels = [_decoded(cell, path, row, dataset) for row, cell in cells]
    return np.stack(pixels), dataset.checked(table["label"].to_numpy(), path)


def _decoded(cell: Any, path: Path, row: int, dataset: Published) -> np.ndarray:
    """The pixels of a cell: {bytes: an encoded image, path: its name}."""
    encoded = cell.get("bytes") if isinstance(cell, dict) else None
    if not isinstance(encoded, bytes):
        raise UserError(
            f"{path}: row {row} holds no bytes of an image\n    Hint: {dataset.accepted}"
        )
    try:
        pixels = decode(encoded)
    except UNREADABLE as error:
        raise UserError(
            f"{path}: the image of row {row} cannot be decoded: {error}\n{AGAIN}"
        ) from error
    if pixels.shape != dataset.shape:
        raise UserError(
            f"{path}: the image of row {row} has the shape {pixels.shape}, which is not that of "
            f"{dataset.name}, {dataset.shape}\n    Hint: images of other data are read by "
            "source folder"
        )
    return pixels
