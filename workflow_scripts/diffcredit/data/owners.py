"""The CSV table with the contributor of each image, in the formats of spreadsheets."""

from pathlib import Path

import pandas as pd

from diffcredit.config import CsvContributors
from diffcredit.config.names import shortened, shown, unified, without_fractions
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.spreadsheets import Sheet, read_sheet
from diffcredit.text import clean

#: Pairs of quotation marks that stay around a cell where a table is written twice over.
QUOTES = ('""', "\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb")


def read_owners(folder: Path, source: CsvContributors) -> pd.DataFrame:
    """The two relevant columns of the table: files, as written, and contributors.

    The spelling of names is unified, with a message about changes.

    Args:
        folder: that the table, and the files that it names, are relative to.
        source: where the table is, and names of its columns.

    Raises:
        UserError: if the table cannot be read, lacks a column or lists no images.
    """
    path = folder / source.csv
    sheet = read_sheet(path, "a CSV table")
    file, column = (
        _column(sheet, f"data.contributors.{key}", name)
        for key, name in (("file", source.file), ("column", source.column))
    )
    if not sheet.rows:
        raise UserError(f"{path} lists no images")
    place = f"{path}, column {column}"
    owners = without_fractions(
        unified(_without_quotes(sheet.column(column), place), "contributor", place),
        "contributor",
        place,
    )
    names = sheet.column(file)
    files = [_file(folder, name) for name in names]
    tell_other_ways(path, {new: old for new, old in zip(files, names, strict=True) if new != old})
    return pd.DataFrame({source.file: files, source.column: owners})


def _column(sheet: Sheet, key: str, name: str) -> str:
    """The column with a name; logs a message if it differs in case."""
    wanted = clean(name)
    found = [c for c in sheet.columns if c == wanted]
    if not found:
        found = [c for c in sheet.columns if c.casefold() == wanted.casefold()]
        if len(found) == 1:
            logger.warning("%s = %r: %s has %r; it is read", key, name, sheet.path, found[0])
    if len(found) > 1:
        raise UserError(
            f"{key} = {name!r}: {sheet.path} has this column {len(found)} times\n"
            "    Hint: give each a name of its own"
        )
    if not found:
        hint = f"it has {', '.join(sheet.columns) or 'none'}"
        if any((sheet.path.parent / cell).is_file() for cell in sheet.columns if cell):
            hint += (
                "; its first line is of an image: put a line with the names of the columns first"
            )
        raise UserError(f"{key} = {name!r}: {sheet.path} has no such column\n    Hint: {hint}")
    return found[0]


def _without_quotes(names: list[str], place: str) -> list[str]:
    made = {}
    for name in dict.fromkeys(names):
        tidy = clean(name)
        if len(tidy) > 2 and any(tidy[0] + tidy[-1] == pair for pair in QUOTES):
            made[name] = tidy[1:-1]
    if made:
        first, bare = next(iter(made.items()))
        logger.warning(
            "%s: %d names lose their quotation marks, first: %s is %s",
            place,
            len(made),
            shown(first),
            shown(bare),
        )
    return [made.get(name, name) for name in names]


def _file(folder: Path, name: str) -> str:
    """The name as written if there is such a file, else without invisible characters."""
    tidy = clean(name)
    return tidy if not (folder / name).is_file() and (folder / tidy).is_file() else name


def tell_other_ways(table: Path, written: dict[str, str]) -> None:
    """Log which files have another spelling in a table: actual name -> name in the table."""
    if written:
        logger.warning(
            "%s writes %d files in another way than data.path: %s",
            table,
            len(written),
            shortened(f"{shown(name)} for {shown(there)}" for there, name in written.items()),
        )
