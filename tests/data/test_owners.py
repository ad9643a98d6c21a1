"""The table that names contributors, as spreadsheets, editors and other systems leave it."""

import logging
from pathlib import Path

import pytest

from diffcredit.config import CsvContributors
from diffcredit.data.owners import read_owners
from diffcredit.errors import UserError

SOURCE = CsvContributors(csv="owners.csv", column="artist")
PLAIN = "file,artist\na.png,ann\nb.png,bob\n"
FILES = ["a.png", "b.png"]


def read(folder: Path, content: str | bytes, source: CsvContributors = SOURCE) -> list[list[str]]:
    for name in FILES:
        (folder / name).write_bytes(b"")
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / "owners.csv").write_bytes(raw)
    table = read_owners(folder, source)
    return [table[source.file].tolist(), table[source.column].tolist()]


SAME = {
    # the table, and whether a change is told
    "plain": (PLAIN, False),
    "a mark in front": (PLAIN.encode("utf-8-sig"), False),
    "UTF-16 of Excel": (PLAIN.replace(",", "\t").encode("utf-16"), False),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), False),
    "UTF-16, big end first": (PLAIN.encode("utf-16-be"), False),
    "lines of Windows": (PLAIN.replace("\n", "\r\n"), False),
    "lines of the old Macintosh": (PLAIN.replace("\n", "\r"), False),
    "semicolons": (PLAIN.replace(",", ";"), False),
    "tabs": (PLAIN.replace(",", "\t"), False),
    "a line for Excel": ("sep=;\n" + PLAIN.replace(",", ";"), False),
    "no end of the last line": (PLAIN.rstrip(), False),
    "empty rows and columns": ("file,artist,,\na.png,ann,,\n,,,\nb.png,bob,,\n\n,,,\n", False),
    "an empty row in front": (",\nfile,artist\na.png,ann\nb.png,bob\n", False),
    "an index": (",file,artist\n0,a.png,ann\n1,b.png,bob\n", False),
    "another column": ("year;file;artist\n1,5;a.png;ann\n;b.png;bob\n", False),
    "quotation marks": ('"file","artist"\n"a.png","ann"\n"b.png","bob"\n', False),
    "blanks after commas": ('file, artist\na.png, "ann"\nb.png, "bob" \n', True),
    "blanks at the end": ("file,artist \na.png,ann \nb.png ,bob\n", True),
    "blanks that do not break": ("file\u00a0,artist\na.png,ann\u00a0\nb.png,bob\n", True),
    "zero-width spaces": ("file,\u200bartist\na.png,ann\u200b\nb.png,bob\n", True),
    "quotation marks twice over": ('file,artist\na.png,"""ann"""\nb.png,"""bob"""\n', True),
    "curly quotation marks": ("file,artist\na.png,\u201cann\u201d\nb.png,bob\n", True),
    "a header in capitals": ("File,ARTIST\na.png,ann\nb.png,bob\n", True),
}


@pytest.mark.parametrize("case", SAME)
def test_table_says_the_same(tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture) -> None:
    content, told = SAME[case]
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, content) == [FILES, ["ann", "bob"]]
    assert bool(caplog.records) == told


NAMES = {
    # two names of the column, what they are read as
    "zeros in front": ("007", "0012", ["007", "0012"]),
    "fractions": ("1.0", "2.0", ["1", "2"]),
    "a fraction and a number": ("1.0", "1", ["1", "1"]),
    "versions": ("1.0", "1.1", ["1.0", "1.1"]),
    "a blank": ("ann", "ann ", ["ann", "ann"]),
    "blanks within": ("ann  lee", "ann lee", ["ann lee", "ann lee"]),
    "a blank that does not break": ("ann lee", "ann\u00a0lee", ["ann lee", "ann lee"]),
    "accents": ("Jos\u00e9", "Jose\u0301", ["Jos\u00e9", "Jos\u00e9"]),
    "words of YAML and pandas": ("no", "NA", ["no", "NA"]),
    "case": ("Ann", "ann", ["Ann", "ann"]),
    "a comma": ('"Lee, Ann"', "Bob", ["Lee, Ann", "Bob"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_a_table(tmp_path: Path, case: str) -> None:
    first, second, expected = NAMES[case]
    table = f"file,artist\na.png,{first}\nb.png,{second}\n"
    assert read(tmp_path, table)[1] == expected


WRONG = {
    "a row that is too long": ("file,artist\na.png,ann,x\n", "line 2: 3 values for 2 columns"),
    "a quotation mark that is open": ('file,artist\n"a.png,ann\nb.png,bob\n', "not closed"),
    "Latin-1": ("file,artist\na.png,Jos\u00e9\n".encode("latin-1"), "line 2 is not UTF-8"),
    "the column twice": ("file,artist,artist\na.png,ann,bob\n", "this column 2 times"),
    "two columns that differ by case": ("file,Artist,ARTIST\na.png,a,b\n", "2 times"),
    "no column": ("file,owner\na.png,ann\n", "it has file, owner"),
    "no line with the columns": ("a.png,ann\nb.png,bob\n", "the names of the columns first"),
    "no rows": ("file,artist\n,\n", "lists no images"),
    "nothing": ("", "no such column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_table_that_cannot_be_decided_is_refused(tmp_path: Path, case: str) -> None:
    content, said = WRONG[case]
    with pytest.raises(UserError) as told:
        read(tmp_path, content)
    assert said in str(told.value)
    assert "owners.csv" in str(told.value)
