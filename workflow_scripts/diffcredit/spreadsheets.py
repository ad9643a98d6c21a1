"""Text files and CSV tables as spreadsheets, editors and browsers leave them.

UTF-8 with and without its mark, UTF-16, commas, semicolons or tabs, every kind of line end, empty
columns and rows around the table. What cannot be decided is refused with the file and the line.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diffcredit.errors import UserError
from diffcredit.text import clean

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Row:
    """The cells of a row as they are written, and the line at which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A table: its columns, without blanks around their names, and its rows that are not empty.

    Rows may be shorter than the columns, never longer.
    """

    path: Path
    columns: tuple[str, ...]
    header: int
    rows: tuple[Row, ...]
    delimiter: str

    def column(self, name: str) -> list[str]:
        """The cells of a column, empty where a row ends before it."""
        place = self.columns.index(name)
        return [row.cells[place] if place < len(row.cells) else "" for row in self.rows]

    def text(self) -> str:
        """The table as plain CSV, without blanks around its cells."""
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(self.columns)
        missing = [""] * len(self.columns)
        for row in self.rows:
            writer.writerow([*map(clean, row.cells), *missing[len(row.cells) :]])
        return file.getvalue()


def read_text(path: Path, kind: str) -> str:
    """The text of a file, its line ends made newlines.

    Args:
        path: of the file.
        kind: what it should be, for the message.

    Raises:
        UserError: where it cannot be read or its encoding is unknown.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read as {kind}: {error.strerror}") from error
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path} cannot be read as {kind}: line {line} is not {encoding.upper()[:6].strip('-')}"
            " text\n    Hint: save it as UTF-8; spreadsheets call it 'CSV UTF-8'"
        ) from error
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _encoding(content: bytes) -> str:
    """UTF-8, or UTF-16 where its mark, or a zero in half of all bytes, says so."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    half = len(content) // 2
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        if half and content[first::2].count(0) > 0.4 * half:
            return encoding
    return "utf-8"


def read_sheet(path: Path, kind: str) -> Sheet:
    """Read a CSV table, or raise `UserError` with the file and the line.

    Args:
        path: of the table.
        kind: what it should be, for the message.
    """
    text = read_text(path, kind)
    first = text.split("\n", 1)[0].strip().strip('"')
    said = first[4:] if first.lower().startswith("sep=") else ""  # What Excel writes for itself.
    choices = said if len(said) == 1 else _delimiters(text)
    try:
        sheets = [_sheet(path, text, delimiter, bool(said)) for delimiter in choices]
    except csv.Error as error:
        raise UserError(f"{path} cannot be read as {kind}: {error}") from error
    even = [s for s in sheets if all(len(row.cells) == len(s.columns) for row in s.rows)]
    return _without_long_rows((even or sheets)[0])


def _delimiters(text: str) -> str:
    """What may separate the columns, the likeliest first: whatever splits the first line."""
    first = next((line for line in text.split("\n") if line.strip(' "\t;,')), "")
    counts = {d: len(next(csv.reader([first], delimiter=d))) for d in DELIMITERS}
    return "".join(d for d in DELIMITERS if counts[d] > 1) or ","


def _sheet(path: Path, text: str, delimiter: str, said: bool) -> Sheet:
    rows = [row for row in _rows(text, delimiter) if any(map(clean, row.cells))][said:]
    if not rows:
        return Sheet(path, (), 1, (), delimiter)
    width = max(_used(row) for row in rows)
    header, *others = [Row(row.line, row.cells[: max(_used(row), width)]) for row in rows]
    columns = tuple(map(clean, header.cells))[:width]
    return Sheet(path, columns, header.line, tuple(others), delimiter)


def _used(row: Row) -> int:
    """Number of cells up to the last that is not empty."""
    return max(place for place, cell in enumerate(row.cells, start=1) if clean(cell))


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    try:
        yield from _parsed(text, delimiter, strict=True)
    except csv.Error as error:
        # Blanks after a closing quotation mark do no harm; one never closed swallows rows.
        if "unexpected end" in str(error) or text.count('"') % 2:
            raise csv.Error("a quotation mark is not closed") from error
        yield from _parsed(text, delimiter, strict=False)


def _parsed(text: str, delimiter: str, strict: bool) -> list[Row]:
    file = io.StringIO(text, newline="")
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=strict)
    return [Row(reader.line_num, tuple(cells)) for cells in reader]


def _without_long_rows(sheet: Sheet) -> Sheet:
    for row in sheet.rows:
        if len(row.cells) > len(sheet.columns):
            raise UserError(
                f"{sheet.path}, line {row.line}: {len(row.cells)} values for "
                f"{len(sheet.columns)} columns\n    Hint: a cell with {sheet.delimiter!r} in it "
                "needs quotation marks"
            )
    return sheet
