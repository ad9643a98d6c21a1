"""Coalitions that a file lists, in every way in which such a file is written."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diffcredit.coalitions.listed import Listed
from diffcredit.coalitions.table import table, tell
from diffcredit.errors import UserError

NAMES = ["ann", "bob", "cid", "dan"]


def listed(folder: Path, name: str, text: str) -> Listed:
    (folder / name).write_text(text)
    return Listed(distribution="file", path=str(folder / name))


FORMS = {
    "names.csv": "bob,ann,dan,cid\n1,0,1,0\n0,0,0,0\n1,1,1,1\n",
    "numbers.csv": "0,1,2,3\n0,1,0,1\n0,0,0,0\n1,1,1,1\n",
    "names.jsonl": '["dan", "bob"]\n[]\n\n["ann", "bob", "cid", "dan"]\n',
    "numbers.jsonl": "[1, 3]\n[]\n[3, 2, 1, 0]\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_list_of_coalitions(tmp_path: Path, form: str) -> None:
    distribution = listed(tmp_path, form, FORMS[form])
    found = table(distribution, 4, 0, range(3), NAMES)
    expected = [[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]
    np.testing.assert_array_equal(np.stack(list(found["mask"])), expected)
    shard = table(distribution, 4, 0, range(2, 3), NAMES)
    pd.testing.assert_frame_equal(shard, found.tail(1).reset_index(drop=True))


WRONG = {
    "unknown name": ("a.jsonl", '["ann"]\n["bo"]\n', ["line 2", "'bo'", "mean 'bob'"]),
    "unknown number": ("a.jsonl", "[0]\n[4]\n", ["line 2", "4 is no contributor", "0 to 3"]),
    "negative number": ("a.jsonl", "[-1]\n[1]\n", ["line 1", "-1"]),
    "twice": ("a.jsonl", '["ann", 0]\n[1]\n', ["line 1", "twice"]),
    "unknown column": ("a.csv", "ann,bob,cid,eve\n1,0,1,0\n1,0,1,0\n", ["line 1", "'eve'"]),
    "missing column": ("a.csv", "ann,bob,cid\n1,0,1\n1,0,1\n", ["no column", "'dan'"]),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_contributor_of_a_list_that_is_wrong_is_told(tmp_path: Path, mistake: str) -> None:
    """Who the contributors are is known when the data has been read."""
    name, text, said = WRONG[mistake]
    distribution = listed(tmp_path, name, text)
    with pytest.raises(UserError) as told:
        table(distribution, 4, 0, range(2), NAMES)
    for part in [str(tmp_path / name), *said]:
        assert part in str(told.value)


#: What three ways of writing a list say of contributors, first of all by name.
NUMERALS = {
    "as in the folder": (["1", "2", "3", "4"], [1, 3], [[1, 0, 1, 0]]),
    "backwards": (["3", "2", "1", "0"], [3], [[1, 0, 0, 0]]),
    "far apart": (["1880", "7", "42", "0"], [7, 42], [[0, 1, 1, 0]]),
    "positions": (["ann", "bob", "cid", "dan"], [1, 3], [[0, 1, 0, 1]]),
    "among texts": (["ann", "2", "1", "dan"], [2, 1], [[0, 1, 1, 0]]),
}


@pytest.mark.parametrize("case", NUMERALS)
def test_number_means_the_same_in_every_form_of_a_list(tmp_path: Path, case: str) -> None:
    names, kept, expected = NUMERALS[case]
    whole = names if all(str(k) in names for k in kept) else [str(n) for n in range(4)]
    marks = ",".join(str(int(name in map(str, kept))) for name in whole)
    forms = {
        "bare.jsonl": json.dumps(kept),
        "quoted.jsonl": json.dumps([str(k) for k in kept]),
        "fractions.jsonl": json.dumps([float(k) for k in kept]),
        "table.csv": f"{','.join(whole)}\r\n{marks}\r\n",
        "semicolons.csv": f"{';'.join(whole)}\n{marks.replace(',', ';')}\n",
    }
    for name, text in forms.items():
        found = table(listed(tmp_path, name, text), 4, 0, range(1), names)
        np.testing.assert_array_equal(np.stack(list(found["mask"])), expected, name)


ODD = {
    # the file, in which ann and cid are kept, then bob
    "a mark in front": ("a.csv", b"\xef\xbb\xbfann,bob,cid,dan\n1,0,1,0\n0,1,0,0\n"),
    "UTF-16": ("a.csv", "ann\tbob\tcid\tdan\n1\t0\t1\t0\n0\t1\t0\t0\n".encode("utf-16")),
    "semicolons": ("a.csv", b"ann;bob;cid;dan\r\n1;0;1;0\r\n0;1;0;0\r\n"),
    "empty columns": ("a.csv", b"ann,bob,cid,dan,,\n1,0,1,0,,\n0,1,0,0,,\n,,,,,\n"),
    "fractions": ("a.csv", b"ann,bob,cid,dan\n1.0,0.0,1.0,0.0\n0,1.0,0,0\n"),
    "words": ("a.csv", b"ann,bob,cid,dan\nTRUE,FALSE,TRUE,FALSE\nfalse,true,false,false\n"),
    "blanks": ("a.CSV", " ann ,bob\u00a0,\u200bcid,dan\n 1,0 ,1,0\n0,1,0,0\n".encode()),
    "positions": ("a.csv", b"3,2,1,0\n0,1,0,1\n0,0,1,0\n"),
    "positions as fractions": ("a.csv", b"0.0,1.0,2.0,3.0\n1,0,1,0\n0,1,0,0\n"),
    "JSON of Windows": ("a.jsonl", b'\xef\xbb\xbf["ann", "cid"]\r\n\r\n["bob"]\r\n'),
    "JSON in UTF-16": ("a.jsonl", '["ann", "cid"]\n["bob"]\n'.encode("utf-16")),
    "JSON with blanks": ("a.jsonl", '[" ann", "cid\u00a0"]\n["bob\u200b"]\n'.encode()),
    "JSON with fractions": ("a.jsonl", b"[0.0, 2.0]\n[1.0]\n"),
    "JSON with names and positions": ("a.JSONL", b'["ann", 2]\n[1]\n'),
    "JSON with escapes": ("a.jsonl", b'["\\u0061nn", "cid"]\n["bob"]'),
}


@pytest.mark.parametrize("case", ODD)
def test_list_of_coalitions_as_it_is_left(tmp_path: Path, case: str) -> None:
    name, content = ODD[case]
    (tmp_path / name).write_bytes(content)
    distribution = Listed(distribution="file", path=str(tmp_path / name))
    found = table(distribution, 4, 0, range(2), NAMES)
    np.testing.assert_array_equal(np.stack(list(found["mask"])), [[1, 0, 1, 0], [0, 1, 0, 0]])


MISREAD = {
    "names and positions": ("a.jsonl", "[1, 2]\n[0]\n", "0 is no name of a contributor, but 1 is"),
    "zeros that are too many": ("a.csv", "01,2,3,x\n1,0,1,0\n", "did you mean '1'"),
    "an index": ("a.csv", ",1,2,3,x\n0,1,0,1,0\n1,1,1,1,1\n", "column 1 has values but no name"),
    "zeros in front of a number": ("a.jsonl", "[0012]\n", "numbers that begin with 0"),
    "a whole list": ("a.jsonl", '[["1"], ["2"]]\n', "must be the name or the number"),
    "single quotes": ("a.jsonl", "['1']\n", "is no JSON"),
    "another case": ("a.jsonl", '["X"]\n', "did you mean 'x'?"),
    "half a number": ("a.jsonl", "[1.5]\n", "1.5 must be"),
    "the same twice": ("a.jsonl", '["1", 1]\n', "listed twice"),
    "the same twice but for a blank": ("a.jsonl", '["1", "1 "]\n', "listed twice"),
    "columns that are the same": ("a.csv", "1,1 ,2,3\n1,0,1,0\n", "more than once"),
}


@pytest.mark.parametrize("case", MISREAD)
def test_list_that_could_be_misread_is_refused(tmp_path: Path, case: str) -> None:
    name, text, said = MISREAD[case]
    with pytest.raises(UserError) as told:
        table(listed(tmp_path, name, text), 4, 0, range(1), ["1", "2", "3", "x"])
    assert said in str(told.value)
    assert str(tmp_path / name) in str(told.value)


def test_coalitions_are_told_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    distribution = listed(tmp_path, "a.jsonl", '["ann", "dan"]\n[]\n')
    with caplog.at_level("DEBUG"):
        tell(table(distribution, 4, 0, range(2), NAMES), NAMES)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "coalition 0 keeps ann, dan; removes bob, cid",
        "coalition 1 keeps nobody; removes ann, bob, cid, dan",
    ]
