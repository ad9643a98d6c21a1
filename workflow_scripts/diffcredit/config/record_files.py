"""Files of records: JSON lines, or rows of a Parquet or CSV table."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffcredit.errors import UserError
from diffcredit.files import read_table
from diffcredit.logs import logger
from diffcredit.spreadsheets import Sheet, read_sheet, read_text

if TYPE_CHECKING:
    import pandas as pd

KIND = "a file of records"


@dataclass(frozen=True)
class RepeatedKey:
    """A record that has a key twice, so that nobody can tell which is meant."""

    key: str


def rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Numbers (from 1) and contents of the records; a line that is no JSON is a text.

    Raises:
        UserError: where the file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from enumerate(read_table(path).to_dict("records"), start=1)
    elif suffix == ".csv":
        yield from enumerate(_table(read_sheet(path, KIND)).to_dict("records"), start=1)
    else:
        for number, line in enumerate(read_text(path, KIND).split("\n"), start=1):
            if line.strip():
                yield number, parsed(line)


def parsed(line: str) -> Any:
    """What a text says as JSON; the text itself where it is none."""
    repeated: list[str] = []

    def one_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            repeated.extend([key] if key.strip() in found else [])
            found[key.strip()] = value
        return found

    try:
        found = json.loads(line, object_pairs_hook=one_each)
    except (ValueError, RecursionError):
        return line
    return RepeatedKey(repeated[0]) if repeated else found


def _table(sheet: Sheet) -> "pd.DataFrame":
    import pandas as pd  # Half a second, for tables alone.

    if twice := [c for c in sheet.columns if c and sheet.columns.count(c) > 1]:
        raise UserError(f"{sheet.path}, line {sheet.header}: column {twice[0]!r} is there twice")
    cells = [cell.strip() for row in sheet.rows for cell in row.cells]
    commas = sum(
        re.fullmatch(r"-?[0-9]+,[0-9]+(e[+-]?[0-9]+)?", c, re.I) is not None for c in cells
    )
    points = any(re.fullmatch(r"-?[0-9]+\.[0-9]+(e[+-]?[0-9]+)?", cell, re.I) for cell in cells)
    european = sheet.delimiter == ";" and commas > 0 and not points
    if european:
        logger.warning("%s: %d numbers have a decimal comma, and are read so", sheet.path, commas)
    decimal = "," if european else "."
    try:
        return pd.read_csv(io.StringIO(sheet.text()), dtype={"mask": str}, decimal=decimal)
    except ValueError as error:
        raise UserError(f"{sheet.path} cannot be read as {KIND}: {error}") from error
