"""The one rule by which contributors, classes and images are named.

A name is compared with what was written, as text; blanks at the ends, invisible characters and the
form of accents do not count. A number is a position, from 0, only where nothing has that name. What
had to be guessed is told, and what could be misread is refused.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.text import clean

#: Names that a message lists before it counts the others.
LISTED = 10


def shown(text: str) -> str:
    """A name in quotes, with what is invisible written out."""
    return repr(text) if unicodedata.is_normalized("NFC", text) else ascii(text)


def shortened(texts: Iterable[str], limit: int = LISTED) -> str:
    """The first of some texts, and how many more there are: ann, bob and 37 others."""
    texts = list(texts)
    if len(texts) <= limit + 1:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} others"


@dataclass(frozen=True)
class WrittenName:
    """A name or a number, as somebody wrote it.

    Attributes:
        text: what was written, without quotes.
        number: whether it may be a position. Text of a table and of JSON may; text in quotes in
            YAML is a name.
        place: where it is written, for messages: a key with its value, or a file with a line.
        quoted: whether it is in quotes, where a format has them.
    """

    text: str
    number: bool
    place: str
    quoted: bool = False


def of_key(key: str, value: int | str) -> WrittenName:
    """What a key of the configuration names."""
    return WrittenName(str(value), isinstance(value, int), f"{key} = {value!r}")


def of_keys(key: str, values: Sequence[int | str]) -> list[WrittenName]:
    """What a key of the configuration lists."""
    place = f"{key} = {values!r}"
    return [WrittenName(str(value), isinstance(value, int), place) for value in values]


@dataclass
class Matches:
    """Which of the named things were meant.

    Attributes:
        numbers: of each that was asked for, from 0.
        remarks: what is worth knowing about how they were found.
        warnings: what was guessed and could be wrong.
    """

    numbers: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def told(self) -> list[int]:
        """The numbers, once the log says how they were found."""
        for remark in self.remarks:
            logger.info("%s", remark)
        for warning in self.warnings:
            logger.warning("%s", warning)
        return self.numbers


def find(items: Sequence[WrittenName], names: Sequence[str], kind: str) -> Matches:
    """Which contributors, classes or images are meant by one list.

    Args:
        items: what was written.
        names: of all of them, in their order.
        kind: what they are, for messages: contributor, class or image.

    Raises:
        UserError: where nothing is meant; where a number could be two things; where some numbers of
            the list are names and others could only be positions.
    """
    known = _Names(names, kind)
    meant = Matches()
    named: list[WrittenName] = []
    positions: dict[str, tuple[WrittenName, int]] = {}
    for item in items:
        number = known.by_name(item, meant.warnings)
        if number is None:
            number = known.by_position(item)
            positions.setdefault(item.text, (item, number))
        elif _is_numeral(item.text):
            named.append(item)
        meant.numbers.append(number)
    if positions:
        _tell_positions(positions, named, known, meant)
    return meant


def _tell_positions(
    positions: dict[str, tuple[WrittenName, int]],
    named: list[WrittenName],
    known: "_Names",
    meant: Matches,
) -> None:
    first = next(item for item, _ in positions.values())
    if named:
        raise UserError(
            f"{first.place}: {first.text} is no name of {known.article}, but {named[0].text} is; "
            f"numbers of one list are all names or all positions\n    Hint: {known.accepted()}"
        )
    told = shortened(f"{text} is {shown(known.names[n])}" for text, (_, n) in positions.items())
    text = f"{first.place}: no {known.kind} is named so; a number is a position from 0: {told}"
    # Where names are numbers, another one may have been meant.
    sure = all(known.values.get(int(_whole(item))) == [n] for item, n in positions.values())
    (meant.remarks if sure or not known.values else meant.warnings).append(text)


class _Names:
    """Names, and the ways in which they may be written."""

    def __init__(self, names: Sequence[str], kind: str):
        self.names, self.kind = names, kind
        self.article = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        self.exact = {name: number for number, name in enumerate(names)}
        self.alike: dict[str, list[int]] | None = None
        self.values: dict[int, list[int]] = {}
        for number, name in enumerate(names):
            if _is_numeral(name):
                self.values.setdefault(int(name), []).append(number)

    def by_name(self, item: WrittenName, warnings: list[str]) -> int | None:
        """The number of the thing that has the name, or None."""
        if item.text in self.exact:
            return self.exact[item.text]
        for text, why in (
            (item.text, "they differ by blanks or invisible characters alone"),
            (_whole(item), "a spreadsheet or a table library made a fraction of a whole number"),
        ):
            found = self._like(clean(text))
            if len(found) > 1:
                several = " and ".join(shown(self.names[number]) for number in found)
                raise UserError(
                    f"{item.place}: {shown(item.text)} could be {several}, which differ by blanks "
                    "or invisible characters alone\n    Hint: rename one of them"
                )
            if found:
                name = shown(self.names[found[0]])
                warnings.append(f"{item.place}: {shown(item.text)} is read as {name}: {why}")
                return found[0]
        return None

    def _like(self, text: str) -> list[int]:
        if self.alike is None:
            self.alike = {}
            for number, name in enumerate(self.names):
                self.alike.setdefault(clean(name), []).append(number)
        return self.alike.get(text, [])

    def by_position(self, item: WrittenName) -> int:
        """The position that a number which is no name stands for."""
        text = _whole(item)
        is_position = item.number and re.fullmatch("0|[1-9][0-9]{0,17}", text) is not None
        # A number that is named with zeros in front, as 0012, may have lost them.
        by_value = self.values.get(int(text), []) if _is_numeral(text) else []
        if not is_position or int(text) >= len(self.names):
            raise UserError(self._unknown(item, by_value))
        position = int(text)
        if by_value and by_value != [position]:
            name, other = self.names[by_value[0]], self.names[position]
            raise UserError(
                f"{item.place}: {item.text} could be {name!r}, or {other!r}, which has position "
                f"{position} from 0\n    Hint: write the name as it is, in quotes in YAML and JSON"
            )
        return position

    def accepted(self, hint: str = "") -> str:
        """What may be written."""
        last = len(self.names) - 1
        if last < 0:
            return f"there is no {self.kind}"
        positions = f"a number, 0 to {last}" if last else "the number 0"
        return f"must be one of: {shortened(self.names)}{hint}, or {positions}"

    def _unknown(self, item: WrittenName, by_value: list[int]) -> str:
        close = [self.names[n] for n in by_value] or _close(item.text, self.names)
        hint = f" (did you mean {shown(close[0])}?)" if close else ""
        bare = item.number and not item.quoted and _is_numeral(item.text.removeprefix("-"))
        what = item.text if bare else shown(item.text)
        told = "" if item.place.endswith(f"= {what}") else f"{what} is no {self.kind}; "
        quoted = "; in quotes it is a name, without them it may be a number"
        text = f"{item.place}: {told}{self.accepted(hint)}"
        return text + quoted * (not item.number and _is_numeral(item.text))


def _close(text: str, names: Sequence[str]) -> list[str]:
    """The name that is closest, regardless of case."""
    folded = {name.casefold(): name for name in reversed(names)}
    found = difflib.get_close_matches(text.casefold(), list(folded), n=1)
    return [folded[name] for name in found]


def _is_numeral(text: str) -> bool:
    # Python reads no number of more digits, and nobody has so many images.
    return re.fullmatch("[0-9]{1,1000}", text) is not None


def _whole(item: WrittenName) -> str:
    """The whole number that a table library wrote as 1.0; any other text as it is."""
    text = clean(item.text)
    found = re.fullmatch(r"([0-9]+)\.0*", text) if item.number else None
    return found[1] if found else text


def unified(names: Sequence[str], kind: str, place: str) -> list[str]:
    """The names that things were given, each spelled in one way; what was changed is told.

    Args:
        names: one for each image.
        kind: what they name, for messages.
        place: where they stand.
    """
    tell_spellings(names, kind, place)
    return [clean(name) for name in names]


def tell_spellings(names: Iterable[str], kind: str, place: str) -> None:
    """Tell which names are read as one, and which lose more than the form of their accents."""
    spellings: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        spellings.setdefault(clean(name), []).append(name)
    several = [found for found in spellings.values() if len(found) > 1]
    if several:
        logger.warning(
            "%s: names that differ by blanks, invisible characters or the form of accents alone "
            "are one %s: %s",
            place,
            kind,
            shortened(" and ".join(map(shown, found)) for found in several),
        )
    lost = [
        f"{shown(found[0])} is {shown(name)}"
        for name, found in spellings.items()
        if len(found) == 1 and unicodedata.normalize("NFC", found[0]) != name
    ]
    if lost:
        told = shortened(lost)
        logger.warning("%s: names lose blanks and invisible characters: %s", place, told)


def without_fractions(names: Sequence[str], kind: str, place: str) -> list[str]:
    """Numbers that a spreadsheet or a table library wrote as 1.0, as 1 again; the change is told.

    Where other fractions are among the names, as in versions 1.0 and 1.1, all stay as they are.
    """
    fractions = {name for name in names if re.fullmatch(r"[0-9]+\.[0-9]+", name)}
    made = {name: name.split(".")[0] for name in fractions if not name.split(".")[1].strip("0")}
    if not made or len(made) < len(fractions):
        return list(names)
    told = shortened(f"{name} is {made[name]}" for name in sorted(made))
    logger.warning(
        "%s: whole numbers that name a %s were written as fractions: %s", place, kind, told
    )
    return [made.get(name, name) for name in names]


def warn_of_alike(names: Sequence[str], kind: str) -> None:
    """Tell names that differ by case, or by forms of letters, alone: they stay apart."""
    groups: dict[str, list[str]] = {}
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        groups.setdefault(clean(folded), []).append(name)
    alike = [group for group in groups.values() if len(group) > 1]
    if alike:
        logger.warning(
            "%s names differ by case, or by forms of letters, alone, and stay apart: %s",
            kind,
            shortened(" and ".join(map(shown, group)) for group in alike),
        )
