"""The rule for names: as written first, a number as a position last, and nothing misread."""

import logging

import pytest

from diffcredit.config.names import (
    WrittenName,
    find,
    of_key,
    of_keys,
    shortened,
    unified,
    warn_of_alike,
    without_fractions,
)
from diffcredit.errors import UserError

PADDED = [f"{number:04d}" for number in range(1, 21)]

MEANT = {
    # names, what is written, the numbers that are meant, what is remarked, what is warned of
    "a name": (["ann", "bob"], ["bob"], [1], None, None),
    "a position": (["ann", "bob", "cid"], [2], [2], "2 is 'cid'", None),
    "a number that is a name": (["3", "1", "2"], [1], [1], None, None),
    "zeros in front": (PADDED, ["0012"], [11], None, None),
    "text that is a position in a folder of others": (["7", "ann"], [0], [0], None, "0 is '7'"),
    "a blank at the end": (["ann", "bob"], ["ann "], [0], None, "'ann ' is read as 'ann'"),
    "a blank at the end of the folder's": (["ann ", "bob"], ["ann"], [0], None, "read as 'ann '"),
    "accents in two parts": (["Jos\u00e9"], ["Jose\u0301"], [0], None, "is read as"),
    "a zero-width space": (["ann"], ["an\u200bn"], [0], None, "invisible"),
    "a no-break space": (["ann lee"], ["ann\u00a0lee"], [0], None, "invisible"),
    "a mark of the file": (["ann"], ["\ufeffann"], [0], None, "invisible"),
    "texts and positions": (["ann", "bob", "cid"], ["cid", 0], [2, 0], "0 is 'ann'", None),
    "numbers and texts that are names": (["ann", "7", "8"], ["ann", 8], [0, 2], None, None),
}


@pytest.mark.parametrize("case", MEANT)
def test_whom_a_list_means(case: str) -> None:
    names, written, numbers, remark, warning = MEANT[case]
    meant = find(of_keys("key", written), names, "contributor")
    assert meant.numbers == numbers
    assert len(meant.remarks) == (remark is not None)
    assert len(meant.warnings) == (warning is not None)
    assert (remark or "") in "".join(meant.remarks)
    assert (warning or "") in "".join(meant.warnings)


REFUSED = {
    # names, what is written, what is said
    "another name": (["ann", "bob"], ["bo"], "did you mean 'bob'?"),
    "another case": (["ann", "bob"], ["Ann"], "did you mean 'ann'?"),
    "beyond the last": (["ann", "bob"], [2], "2 is no contributor; .* or a number, 0 to 1"),
    "below 0": (["ann", "bob"], [-1], "-1 is no contributor"),
    "a number in quotes": (["ann", "bob"], ["1"], "in quotes it is a name"),
    "names and positions": (["1", "2", "3"], [1, 0], "0 is no name of a contributor, but 1 is"),
    "zeros that are lost": (PADDED, [12], "12 could be '0012', or '0013', which has position 12"),
    "zeros that are lost, beyond the last": (PADDED, [20], "did you mean '0020'?"),
    "zeros that are too many": (["1", "2"], ["01"], "did you mean '1'?"),
    "two that look alike": (["ann", "ann "], [" ann"], "'ann' and 'ann '"),
    "Arabic digits": (["ann", "bob"], ["\u0661"], "is no contributor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_means_nobody_or_two_is_refused(case: str) -> None:
    names, written, said = REFUSED[case]
    with pytest.raises(UserError, match=said):
        find(of_keys("key", written), names, "contributor")


@pytest.mark.parametrize("names", [["1", "2", "3"], ["ann", "bob", "cid"], ["b1", "1", "x"]])
@pytest.mark.parametrize("text", ["1", "1.0", "1.00", " 1 ", "1\u00a0"])
def test_fractions_and_blanks_of_a_spreadsheet_are_the_number(names: list[str], text: str) -> None:
    expected = find([WrittenName("1", True, "table.csv")], names, "contributor").numbers
    assert find([WrittenName(text, True, "table.csv")], names, "contributor").numbers == expected


def test_message_of_one_key_says_its_value_once() -> None:
    with pytest.raises(UserError) as told:
        find([of_key("unlearning.remove.contributor", "eve")], ["ann", "bob"], "contributor")
    said = "unlearning.remove.contributor = 'eve': must be one of: ann, bob, or a number, 0 to 1"
    assert str(told.value) == said


def test_spellings_become_one_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    names = ["ann", "ann ", "bob\u200b", "Jose\u0301", "Jos\u00e9", "cid"]
    with caplog.at_level(logging.WARNING):
        found = unified(names, "contributor", "t.csv")
    assert found == ["ann", "ann", "bob", "Jos\u00e9", "Jos\u00e9", "cid"]
    together, alone = (record.getMessage() for record in caplog.records)
    assert "'ann' and 'ann '" in together
    assert "'bob\\u200b' is 'bob'" in alone


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.0", "2.0"], ["1", "2"]),
        (["1", "1.0", "x"], ["1", "1", "x"]),
        (["1.0", "1.1"], ["1.0", "1.1"]),
        (["v1.0"], ["v1.0"]),
        (["0012"], ["0012"]),
        (["12.00"], ["12"]),
    ],
)
def test_whole_numbers_that_stand_as_fractions(names: list[str], expected: list[str]) -> None:
    assert without_fractions(names, "contributor", "t.csv") == expected


@pytest.mark.parametrize(
    ("names", "warned"),
    [
        (["Ann", "ann"], True),
        (["\uff21nn", "ann"], True),
        (["stra\u00dfe", "STRASSE"], True),
        (["ANN", "ann", "bob"], True),
        (["\ufb01n", "fin"], True),
        (["ann", "anna"], False),
    ],
)
def test_names_that_look_alike_are_told(
    names: list[str], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_alike(names, "contributor")
    assert bool(caplog.records) == warned


def test_long_lists_are_counted() -> None:
    assert shortened(["a", "b", "c"], limit=2) == "a, b, c"
    assert shortened("abcde", limit=2) == "a, b and 3 others"
