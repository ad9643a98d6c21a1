"""One's own folder of images: a subfolder, or a value of a CSV column, for each contributor."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from diffcredit.config import CsvContributors, Data
from diffcredit.data.images import Dataset, names_to_numbers, of_classes, read_image
from diffcredit.errors import UserError
from diffcredit.files import IMAGE_SUFFIXES, visible_files


def read(settings: Data, base: Path) -> Dataset:
    """Read the images of ``settings.path`` (relative to ``base``), sorted by their path.

    Labels are the first folder level, or the contributors where a CSV table names them: they
    train the classifier that measures the samples.

    Raises:
        UserError: where a file is unreadable or missing, or a path leaves the folder.
    """
    assert settings.path is not None
    folder = base / Path(settings.path).expanduser()
    by_csv = isinstance(settings.contributors, CsvContributors)
    files, groups = (
        _from_csv(folder, settings.contributors)  # type: ignore[arg-type]
        if by_csv
        else _from_subfolders(folder)
    )
    size, channels = settings.image_size, settings.channels
    pixels = np.stack([read_image(folder / file, size, channels) for file in files])
    names, numbers = names_to_numbers(groups)
    return of_classes(
        pixels,
        numbers,
        names,
        owned=not isinstance(settings.contributors, int),
        files=files,
    )


def _from_subfolders(folder: Path) -> tuple[list[str], list[str]]:
    """Files, relative to the folder, and the first folder level of each."""
    files = [
        path.relative_to(folder).as_posix()
        for path in visible_files(folder)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.parent != folder
    ]
    if not files:
        raise UserError(
            f"data.path = {folder} has no images in subfolders\n"
            "    Hint: one subfolder for each contributor, files ending in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return files, [file.split("/")[0] for file in files]


def _from_csv(folder: Path, source: CsvContributors) -> tuple[list[str], list[str]]:
    """Files, relative to the folder, and the value of the column of each."""
    path = folder / source.csv
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a CSV table: {error}") from error
    for key, column in (("file", source.file), ("column", source.column)):
        if column not in table.columns:
            raise UserError(
                f"data.contributors.{key} = {column!r}: {path} has no such column\n"
                f"    Hint: it has {', '.join(table.columns)}"
            )
    if table.empty:
        raise UserError(f"{path} lists no images")
    files = table[source.file].map(os.path.normpath)
    if len(again := files[files.duplicated()]):
        raise UserError(
            f"{path} lists {again.iloc[0]!r} more than once\n    Hint: an image has one contributor"
        )
    for name in table[source.file]:
        _check_place(folder.resolve(), name, path)
    if empty := [n for n, c in zip(table[source.file], table[source.column], strict=True) if not c]:
        raise UserError(f"{path}: {len(empty)} images have no contributor, first: {empty[0]}")
    return list(files), list(table[source.column])


def _check_place(root: Path, name: str, table: Path) -> None:
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise UserError(f"{table} names {name!r}, which lies outside data.path = {root}")
    if not path.is_file():
        raise UserError(f"{table} names {name!r}, which does not exist in data.path = {root}")
