"""Explicit lists of coalitions, read from a file and checked line by line.

Two forms: a CSV table with a column of 0 and 1 (1: kept) for each contributor, or JSON lines, each
a list of the kept contributors. Contributors are named, or numbered from 0.
"""

import csv
import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from diffcredit.errors import UserError


@dataclass(frozen=True)
class Coalition:
    """One coalition of a list: its line in the file, and who is kept, by name or number."""

    line: int
    kept: tuple[str | int, ...]


@dataclass(frozen=True)
class List:
    """The coalitions of a file; columns are those of a CSV table, None for JSON lines."""

    columns: tuple[str, ...] | None
    coalitions: tuple[Coalition, ...]


def read(path: Path) -> List:
    """Read a list, or raise `UserError` naming the file, the line and the value."""
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines}
    if path.suffix not in readers:
        raise UserError(f"{path} must be a .csv table or .jsonl lines")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            found = readers[path.suffix](path, file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a list of coalitions: {error}") from error
    if not found.coalitions:
        raise UserError(f"{path} lists no coalitions")
    return found


def masks(path: Path, contributors: Sequence[str], numbers: Iterable[int]) -> list[list[bool]]:
    """Who is kept in these coalitions of a list, one entry for each of the named contributors.

    Raises:
        UserError: where a contributor is unknown, or a table lacks one.
    """
    found = read(path)
    if found.columns is not None:
        named = set(_places(path, 1, found.columns, contributors))
        if missing := [name for i, name in enumerate(contributors) if i not in named]:
            raise UserError(f"{path} has no column for contributor {missing[0]!r}")
    rows = []
    for number in numbers:
        coalition = found.coalitions[number]
        kept = set(_places(path, coalition.line, coalition.kept, contributors))
        rows.append([place in kept for place in range(len(contributors))])
    return rows


def digest(path: Path, numbers: Iterable[int]) -> str:
    """A short hash of these coalitions of a list, so that only changed ones are made again."""
    coalitions = read(path).coalitions
    kept = [coalitions[number].kept for number in numbers]
    return hashlib.blake2b(json.dumps(kept).encode(), digest_size=8).hexdigest()


def _read_csv(path: Path, file: TextIO) -> List:
    reader = csv.reader(file)
    columns = tuple(column.strip() for column in next(reader, []))
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise UserError(f"{path}, line 1: column {twice!r} stands there more than once")
    coalitions = []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(columns):
            raise UserError(
                f"{path}, line {reader.line_num}: {len(cells)} values for {len(columns)} columns"
            )
        for column, cell in zip(columns, cells, strict=True):
            if cell.strip() not in ("0", "1"):
                raise UserError(
                    f"{path}, line {reader.line_num}, column {column}: {cell!r} must be 0 or 1"
                )
        kept = tuple(c for c, cell in zip(columns, cells, strict=True) if cell.strip() == "1")
        coalitions.append(Coalition(reader.line_num, kept))
    return List(columns, tuple(coalitions))


def _read_json_lines(path: Path, file: TextIO) -> List:
    return List(None, tuple(_json_coalitions(path, file)))


def _json_coalitions(path: Path, file: TextIO) -> Iterator[Coalition]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            kept = json.loads(text)
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {text.strip()!r} is no JSON: {error}") from error
        if not isinstance(kept, list):
            raise UserError(f"{path}, line {line}: {text.strip()!r} must be a list: [0, 3, 4]")
        for item in kept:
            if isinstance(item, bool) or not isinstance(item, str | int):
                raise UserError(
                    f"{path}, line {line}: {item!r} must be the name or the number of a contributor"
                )
        yield Coalition(line, tuple(kept))


def _places(
    path: Path, line: int, items: Sequence[str | int], contributors: Sequence[str]
) -> list[int]:
    """Numbers of contributors that are given by name or number; each at most once."""
    by_name = {name: place for place, name in enumerate(contributors)}
    places = []
    for item in items:
        place = by_name.get(item) if isinstance(item, str) else item
        if place is None and str(item).isdecimal():  # A table can only write numbers as text.
            place = int(item)
        if place is None or not 0 <= place < len(contributors):
            close = difflib.get_close_matches(str(item), contributors, n=1)
            raise UserError(
                f"{path}, line {line}: {item!r} is no contributor; accepted: a name"
                + (f" (did you mean {close[0]!r}?)" if close else "")
                + f" or a number from 0 to {len(contributors) - 1}"
            )
        if place in places:
            raise UserError(f"{path}, line {line}: contributor {item!r} is listed twice")
        places.append(place)
    return places
