"""Base of published datasets: Parquet tables of the hub, and checks of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from diffcredit import folders
from diffcredit.contents import AnyPath, Head
from diffcredit.data.dataset import Dataset, place
from diffcredit.errors import UserError
from diffcredit.logs import logger

if TYPE_CHECKING:
    from diffcredit.config.data import Data
    from diffcredit.data.images import ReadImages

AGAIN = "    Hint: download it again"

#: (n, h, w, c) uint8 pixels and (n,) int64 labels.
Split = tuple[np.ndarray, np.ndarray]


class Published(Dataset):
    """A dataset that is read from its published files, in a format of its own or as on the hub.

    Attributes:
        title: name of the dataset.
        columns: possible names of the column of images in Parquet files.
        accepted: description of the accepted formats, for messages.
    """

    folder = True
    contributors = 12
    title: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    accepted: ClassVar[str]

    def find(self, files: list[Path], split: str, folder: Path) -> Any:
        """The files of a split, "train" or "test", in the dataset's own format.

        Args:
            files: all files of the folder.
            split: which one.
            folder: of the files, for messages.

        Raises:
            UserError: if some files are missing or exist twice.
        """
        raise NotImplementedError

    def read_split(self, files: list[Path], split: str, folder: Path) -> Split:
        """Read a split in the dataset's own format; see `find`."""
        raise NotImplementedError

    def is_of_split(self, name: str, split: str) -> bool:
        """Whether a file of the dataset's own format, by its name, is of a split."""
        raise NotImplementedError

    def read(self, settings: Data, base: Path) -> ReadImages:
        """Read ``settings.path`` (relative to ``base``) and its subfolders.

        The test split is read only where images are held out, which are drawn from it.

        Raises:
            UserError: where a file is missing, truncated or of another format.
        """
        from diffcredit.data.images import nobodys, of_classes, resized

        folder = place(settings, base)
        there = _there(folder)

        def split(name: str) -> Split:
            tables = _tables(there)
            found = (
                self._read_hub(tables, name, folder)
                if tables
                else self.read_split(there, name, folder)
            )
            return resized(found[0], settings.image_size), found[1]

        pixels, labels = split("train")
        return of_classes(
            pixels,
            labels,
            list(self.classes),
            owned=settings.contributors == "label",
            test=nobodys(*split("test")) if settings.held_out else None,
        )

    def check(self, folder: Path, splits: Iterable[str]) -> None:
        """See `Dataset.check`; the files are not read."""
        there = _there(folder)
        tables = _tables(there)
        for split in splits:
            if tables:
                self._shards(tables, split, folder)
            else:
                self.find(there, split, folder)

    def files(self, settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
        """The files that `read` reads, whole or not; ``head`` is not needed."""
        there = _there(place(settings, base))
        splits = ("train", "test") if settings.held_out else ("train",)
        if tables := _tables(there):
            return [path for path in tables if any(split in path.name for split in splits)]
        return [p for p in there if any(self.is_of_split(p.name, split) for split in splits)]

    def checked(self, labels: np.ndarray, path: Path) -> np.ndarray:
        """The labels as int64, if each is one of the classes.

        Raises:
            UserError: naming the file and the first that is none.
        """
        wrong = np.flatnonzero(~np.isin(labels, np.arange(len(self.classes))))
        if len(wrong):
            raise UserError(
                f"{path}: the label of image {wrong[0]} is {labels[wrong[0]]}, not 0 to "
                f"{len(self.classes) - 1}: it is damaged, or not of {self.title}\n{AGAIN}"
            )
        return labels.astype(np.int64)

    def incomplete(self, folder: Path, split: str, found: list[Path], wanted: str) -> UserError:
        """The error about a split with missing or duplicate files."""
        there = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        return UserError(
            f"data.path = {folder} does not hold the whole {split} split of {self.title}, once: "
            f"{wanted} there are {there}\n    Hint: {self.accepted}"
        )

    def _read_hub(self, tables: list[Path], split: str, folder: Path) -> Split:
        """Read the Parquet files of a split: columns {bytes, path} of the image, and label."""
        return joined(self._read_table(path) for path in self._shards(tables, split, folder))

    def _shards(self, files: list[Path], split: str, folder: Path) -> list[Path]:
        """The Parquet files of a split, each of which must be there once where numbered."""
        found = [path for path in files if split in path.name]
        numbered = [match for path in found if (match := re.search(r"-(\d+)-of-(\d+)", path.name))]
        numbers = sorted(int(match[1]) for match in numbered)
        whole = all(numbers == list(range(int(match[2]))) for match in numbered)
        if not found or not whole:
            wanted = f"of Parquet files with {split} in their names"
            raise self.incomplete(folder, split, found, wanted)
        return found

    def _read_table(self, path: Path) -> Split:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            table = parquet.ParquetFile(path).read()
        except (OSError, pa.ArrowException) as error:
            reason = str(error).split("\n")[0]
            raise UserError(
                f"{path} cannot be read as a Parquet table: {reason}\n{AGAIN}"
            ) from error
        names = table.column_names
        image = next((name for name in self.columns if name in names), None)
        if image is None or "label" not in names:
            first, *others = self.columns
            called = first + "".join(f" (or {other})" for other in others)
            raise UserError(
                f"{path} needs the columns {called} and label; it has {', '.join(names)}\n"
                f"    Hint: {self.accepted}"
            )
        if table.num_rows == 0:
            raise UserError(f"{path} holds no images\n{AGAIN}")
        pixels = [self._decoded(c, path, row) for row, c in enumerate(table[image].to_pylist())]
        return np.stack(pixels), self.checked(table["label"].to_numpy(), path)

    def _decoded(self, cell: Any, path: Path, row: int) -> np.ndarray:
        """The pixels of a cell: {bytes: an encoded image, path: its name}."""
        from diffcredit.data.images import decode
        from diffcredit.image_formats import UNREADABLE

        encoded = cell.get("bytes") if isinstance(cell, dict) else None
        if not isinstance(encoded, bytes):
            raise UserError(
                f"{path}: row {row} holds no bytes of an image\n    Hint: {self.accepted}"
            )
        try:
            pixels = decode(encoded)
        except UNREADABLE as error:
            raise UserError(
                f"{path}: the image of row {row} cannot be decoded: {error}\n{AGAIN}"
            ) from error
        if pixels.shape != (self.side, self.side, self.channels):
            raise UserError(
                f"{path}: the image of row {row} has the shape {pixels.shape}, which is not that "
                f"of {self.title}, {(self.side, self.side, self.channels)}\n    Hint: images of "
                "other data are read by source folder"
            )
        return pixels


def joined(parts: Iterable[Split]) -> Split:
    """Several parts of a split, one after the other."""
    pixels, labels = zip(*parts, strict=True)
    return np.concatenate(pixels), np.concatenate(labels)


def _tables(files: list[Path]) -> list[Path]:
    return [path for path in files if path.suffix == ".parquet"]


def _there(folder: Path) -> list[Path]:
    """The files below a folder, sorted, without hidden ones; logs what cannot be read."""
    seen = list(folders.walk(folder))
    for entry in seen:
        if entry.why_not and entry.why_not not in folders.IGNORED:
            logger.warning("%s is not read: %s", folder / entry.name, entry.why_not)
    return [folder / name for name in folders.files(seen)]
