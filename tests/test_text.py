"""Names that users gave are shown as they are, in one line."""

import pytest

from diffcredit.text import clean, markdown, shortened, shown

SHOWN = {
    "": '""',
    "anna": "anna",
    "Ke$ha & A$AP": "Ke$ha & A$AP",
    "100% \\frac{": "100% \\frac{",
    "two\nlines\r": "two\\nlines\\r",
    "tab\there": "tab\\there",
    "\x1b[31mred": "\\x1b[31mred",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\u2066isolated\u2069": "\\u2066isolated\\u2069",
    "a\u2028b": "a\\u2028b",
    "\x00": "\\x00",
    "undecodable \udc80": "undecodable \\udc80",
    "李雷 ひらがな 한국어": "李雷 ひらがな 한국어",
    "\U0001f469\u200d\U0001f3a8": "\U0001f469\u200d\U0001f3a8",
    "שלום مرحبا": "שלום مرحبا",
    "e\u0301": "e\u0301",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_name_is_one_line_and_commands_nothing(name: str) -> None:
    assert shown(name) == SHOWN[name]
    assert shown(name).encode()  # No surrogate is left.
    assert len(shown(name).splitlines()) == 1


def test_what_is_kept_stays() -> None:
    assert shown("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 300])
def test_a_long_name_shows_both_ends(length: int) -> None:
    name = "".join(chr(0x100 + number) for number in range(length))
    found = shortened(name, 10)
    if length <= 10:
        assert found == name
    else:
        assert len(found) == 10
        first, last = found.split("…")
        assert name.startswith(first)
        assert name.endswith(last)
        assert min(len(first), len(last)) >= 3


CELLS = {
    "a|b": "a\\|b",
    "*bold* `code`": "\\*bold\\* \\`code\\`",
    "<script>": "\\<script\\>",
    "[link](x)": "\\[link\\](x)",
    "back\\slash": "back\\\\slash",
    "_around_": "\\_around\\_",
    "bits_removed": "bits_removed",
    "two\nlines": "two\\\\nlines",
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_a_markdown_table_has_no_markup(name: str) -> None:
    assert markdown(name) == CELLS[name]


CLEAN = {
    "blanks": ("  ann \t lee ", "ann lee"),
    "no-break spaces": ("ann\u00a0lee\u202f", "ann lee"),
    "composed": ("Jose\u0301", "Jos\u00e9"),
    "zero width": ("a\u200bn\u2060n\ufeff", "ann"),
    "direction marks": ("\u200eann\u200f", "ann"),
    "soft hyphen": ("an\u00adn", "ann"),
    "control characters": ("ann\x00\x07", "ann"),
    "line ends": ("ann\r\n", "ann"),
    "joiners among Latin letters": ("a\u200dn\u200cn", "ann"),
    "joiners of an emoji": ("\U0001f469\u200d\U0001f3a8", "\U0001f469\u200d\U0001f3a8"),
    "joiners of Persian": ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    "nothing": (" \u200b ", ""),
}


@pytest.mark.parametrize("case", CLEAN)
def test_clean_names(case: str) -> None:
    given, expected = CLEAN[case]
    assert clean(given) == expected
    assert clean(expected) == expected
