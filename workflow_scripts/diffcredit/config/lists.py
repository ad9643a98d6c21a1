"""Explicit lists of coalitions, read from a file and checked line by line.

Two forms: a CSV table with a column of 0 and 1 (1: kept) for each contributor, or JSON lines, each
a list of the kept contributors. Contributors are named, or numbered from 0 where none is named so.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcredit.config import names
from diffcredit.config.messages import shown
from diffcredit.config.names import WrittenName
from diffcredit.errors import UserError
from diffcredit.spreadsheets import read_sheet, read_text
from diffcredit.text import clean

KIND = "a list of coalitions"
#: What stands for removed and kept in a table; spreadsheets write true and false their own way.
MARKS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


@dataclass(frozen=True)
class ListedCoalition:
    """One coalition of a list: its line in the file, and who is kept."""

    line: int
    kept: tuple[WrittenName, ...]


@dataclass(frozen=True)
class List:
    """The coalitions of a file; columns are those of a CSV table, None for JSON lines."""

    columns: tuple[WrittenName, ...] | None
    coalitions: tuple[ListedCoalition, ...]


@dataclass(frozen=True)
class Number:
    """A number of a JSON text, as it is written."""

    text: str


def read(path: Path) -> List:
    """Read a list, or raise `UserError` naming the file, the line and the value."""
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines}
    if path.suffix.lower() not in readers:
        raise UserError(f"{path} must be a .csv table or .jsonl lines")
    found = readers[path.suffix.lower()](path)
    if not found.coalitions:
        raise UserError(f"{path} lists no coalitions")
    return found


def masks(path: Path, contributors: Sequence[str], numbers: Iterable[int]) -> list[list[bool]]:
    """Who is kept in these coalitions of a list, one entry for each of the named contributors.

    Raises:
        UserError: where a contributor is unknown, or a table lacks one.
    """
    found = read(path)
    everybody = found.columns or [w for c in found.coalitions for w in c.kept]
    # The whole file is one list: its numbers are names in all lines, or in none.
    distinct = {written.text: written for written in reversed(everybody)}
    items = [distinct[text] for text in dict.fromkeys(w.text for w in everybody)]
    numbers_of = names.find(items, contributors, "contributor").told()
    places = {item.text: number for item, number in zip(items, numbers_of, strict=True)}
    if found.columns is not None:
        named = _distinct(found.columns, places)
        if missing := [name for i, name in enumerate(contributors) if i not in named]:
            raise UserError(f"{path} has no column for contributor {missing[0]!r}")
    rows = []
    for number in numbers:
        kept = _distinct(found.coalitions[number].kept, places)
        rows.append([place in kept for place in range(len(contributors))])
    return rows


def digest(found: List, numbers: Iterable[int]) -> str:
    """A short hash of these coalitions of a list, so that only changed ones are made again."""
    # In JSON what has no quotes was a position once, whoever was named so.
    bare = found.columns is None
    kept = [
        [{"number": w.text} if bare and not w.quoted else w.text for w in found.coalitions[n].kept]
        for n in numbers
    ]
    return hashlib.blake2b(json.dumps(kept).encode(), digest_size=8).hexdigest()


def _distinct(items: Sequence[WrittenName], places: dict[str, int]) -> set[int]:
    """Places of contributors, each listed at most once."""
    found: set[int] = set()
    for item in items:
        place = places[item.text]
        if place in found:
            raise UserError(f"{item.place}: contributor {names.shown(item.text)} is listed twice")
        found.add(place)
    return found


def _read_csv(path: Path) -> List:
    sheet = read_sheet(path, KIND)
    columns = [WrittenName(name, True, f"{path}, line {sheet.header}") for name in sheet.columns]
    for place, column in enumerate(columns, start=1):
        if not column.text:
            raise UserError(
                f"{column.place}: column {place} has values but no name\n    Hint: name its "
                "contributor, or delete it (pandas: to_csv(index=False))"
            )
    if len(set(sheet.columns)) < len(columns):
        twice = next(c for c in sheet.columns if sheet.columns.count(c) > 1)
        raise UserError(
            f"{path}, line {sheet.header}: column {twice!r} stands there more than once"
        )
    coalitions = []
    for row in sheet.rows:
        if len(row.cells) != len(columns):
            raise UserError(
                f"{path}, line {row.line}: {len(row.cells)} values for {len(columns)} columns"
            )
        kept = []
        for column, cell in zip(columns, row.cells, strict=True):
            mark = MARKS.get(clean(cell).lower())
            if mark is None:
                raise UserError(
                    f"{path}, line {row.line}, column {column.text}: {cell!r} must be 0 or 1"
                )
            kept += [column] if mark else []
        coalitions.append(ListedCoalition(row.line, tuple(kept)))
    return List(tuple(columns), tuple(coalitions))


def _read_json_lines(path: Path) -> List:
    return List(None, tuple(_json_coalitions(path)))


def _json_coalitions(path: Path) -> Iterator[ListedCoalition]:
    for line, text in enumerate(read_text(path, KIND).split("\n"), start=1):
        if not text.strip():
            continue
        place = f"{path}, line {line}"
        try:
            kept = json.loads(text, parse_int=Number, parse_float=Number)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{place}: {shown(text.strip())} is no JSON: {error}\n    Hint: a line is a "
                'list, as [0, 3] or ["ann", "0012"]; names, and numbers that begin with 0, are in '
                '"quotes"'
            ) from error
        if not isinstance(kept, list):
            raise UserError(f"{place}: {shown(text.strip())} must be a list: [0, 3, 4]")
        yield ListedCoalition(line, tuple(_written(item, place) for item in kept))


def _written(item: Any, place: str) -> WrittenName:
    if isinstance(item, str):
        return WrittenName(item, True, place, quoted=True)
    if isinstance(item, Number) and re.fullmatch(r"-?[0-9]+(\.0+)?", item.text):
        return WrittenName(item.text, True, place)
    raise UserError(
        f"{place}: {_in_json(item)} must be the name or the number of a contributor\n"
        '    Hint: a name is in "quotes", also where it looks like a number'
    )


def _in_json(item: Any) -> str:
    """An entry of a list as it is written, of a list or an object its brackets alone."""
    if isinstance(item, Number):
        return item.text
    if isinstance(item, list | dict):
        return "[...]" if isinstance(item, list) else "{...}"
    return json.dumps(item)
