"""Names that users gave, as people read them: literal, in one line, and never a command."""

import itertools
import re
import unicodedata

#: Categories of characters that are no letters: controls, surrogates, line and paragraph ends.
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}
#: They turn the order of what follows them around, so that a name reads as another one.
BIDIRECTIONAL = {*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F))}
BIDIRECTIONAL |= set(map(chr, range(0x2066, 0x206A)))

#: Joiners are part of the spelling in scripts from Hebrew on, and of emoji.
JOINERS = "\u200c\u200d"
FIRST_JOINED = "\u0590"

#: What Markdown takes for markup, in a cell of a table.
MARKUP = re.compile(r"([\\`*|<>\[\]~&])|(?<!\w)(_)|(_)(?!\w)")


def clean(text: str) -> str:
    """A name without what nobody sees.

    Accents are composed (NFC), all kinds of blanks become single spaces, none at the ends, and
    zero-width and control characters go.
    """
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if character in JOINERS:
            if found and found[-1] >= FIRST_JOINED:
                found.append(character)
        elif character.isspace() or category in ("Zs", "Zl", "Zp"):
            found.append(" ")
        elif category not in ("Cc", "Cf"):
            found.append(character)
    return " ".join("".join(found).strip(JOINERS).split())


def shown(name: object, keep: str = "") -> str:
    r"""A name in one line: control characters, line ends and marks of direction as escapes.

    Args:
        name: what a user named; "" is shown as a pair of quotes.
        keep: characters that stay as they are although they would be escaped.
    """
    text = str(name)
    return "".join(c if c in keep or not _hidden(c) else _escaped(c) for c in text) or '""'


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN or character in BIDIRECTIONAL


def _escaped(character: str) -> str:
    r"""\n, \x1b, \u202e."""
    return character.encode("unicode_escape").decode()


def columns(name: str) -> int:
    """How many Latin letters a name is as wide as: Chinese and the like count twice."""
    return sum(map(_columns, name))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(name: str, most: int) -> str:
    """A name of at most so many `columns`: of a wider one both ends."""
    if columns(name) <= most:
        return name
    begin = _first(name, 2 * most // 3)
    end = _first(name[::-1], most - 1 - 2 * most // 3)[::-1]
    return f"{begin}…{end}"


def _first(name: str, most: int) -> str:
    """As many of the first characters as are not wider than so many columns."""
    widths = itertools.accumulate(map(_columns, name))
    return "".join(c for c, width in zip(name, widths, strict=True) if width <= most)


def isolated(name: str) -> str:
    """A name that leaves the order of what stands beside it, such as a number, as it is."""
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in name):
        return f"\u2068{name}\u2069"
    return name


def markdown(name: object) -> str:
    """A name as a cell of a Markdown table that shows it as it is."""
    return MARKUP.sub(lambda found: f"\\{found[0]}", shown(name))
