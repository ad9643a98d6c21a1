"""The files of a configuration, and where their YAML is wrong.

In YAML 1.1 a repeated key hides the first one, and Snakemake names neither a broken file nor its
line.
"""

import re
import sys
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

import yaml

from diffcredit.errors import UserError

Keys = tuple[str | int, ...]

MERGE = "tag:yaml.org,2002:merge"
#: What YAML may take a text for, by its tag.
KINDS = {"timestamp": "a date", "int": "a whole number", "float": "a number"}
#: What mends mistakes, by what YAML says of them.
ADVICE = {
    "could not determine a constructor": "a text that begins with ! needs quotes",
    "expected ',' or '}', but got ':'": "a comma is missing before this key",
    "expected ',' or '}'": "a comma is missing before this, or } after the last key",
    "expected ',' or ']'": "a comma is missing before this, or ] after the last value",
    "could not find expected ':'": "a key needs a colon and a blank after it",
    "unexpected end of stream": "a quotation mark is not closed",
    "cannot start any token": "a text that begins with this sign needs quotes",
    "expected <block end>": "keys of one section begin in the same column",
    "sequence entries are not allowed": "a list begins in a line of its own, or is written [a, b]",
    "found undefined alias": "a text that begins with * needs quotes",
}
#: Longer texts are cut in messages.
LONGEST = 100
#: No configuration has more; anchors within anchors make billions of a few lines.
MOST_VALUES = 10**7


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file.

    Attributes:
        path: as the messages name it.
        root: its nodes, with their text and lines; None where YAML cannot read it, but JSON can.
        content: its keys and values.
    """

    path: str
    root: yaml.Node | None
    content: dict[str, Any]


def read_all(paths: Sequence[str | Path]) -> list[ConfigFile]:
    """The files of a configuration, later ones laid over those before.

    Raises:
        UserError: where one is missing, is no YAML or has a key twice, with its lines.
    """
    return [read(Path(path)) for path in paths]


def read(path: Path) -> ConfigFile:
    """A configuration file, or `UserError` with the line where it is wrong."""
    shown = _shown(path)
    text = _text(path, shown)
    try:
        # JSON may be indented with tabs.
        loader = yaml.FullLoader(text.replace("\t", " ") if _is_json(text) else text)
        node = loader.get_single_node()
        if node is not None:
            _check_keys(node, shown)
            if _values_of(node, {}) > MOST_VALUES:
                raise UserError(f"{shown}: its anchors repeat each other to too many values")
            content = loader.construct_document(node)
    except yaml.YAMLError as error:
        if _is_json(text):
            return ConfigFile(shown, None, loads(text))
        raise UserError(_malformed(shown, error, text)) from error
    except RecursionError as error:
        raise UserError(f"{shown}: its sections are too deep, or contain themselves") from error
    except ValueError as error:  # Such as a date in month 13.
        assert node is not None
        bad = next(scalar for scalar in _scalars(node) if _fails(scalar))
        text = bad.value if len(bad.value) <= LONGEST else f"{bad.value[:LONGEST]}..."
        kind = bad.tag.rsplit(":", 1)[-1]
        raise UserError(
            f"{line_of(shown, bad)}: YAML reads {text} as {KINDS.get(kind, kind)}, which it is "
            "not\n"
            f"    Hint: for a name or a text, write {text!r} in quotes"
        ) from error
    if not isinstance(node, yaml.MappingNode):
        what = "is empty" if node is None else "has no keys"
        raise UserError(f"{shown} {what}: a configuration has keys, such as experiment: mine")
    return ConfigFile(shown, node, content)


def check_command(arguments: Sequence[str]) -> None:
    """Check the files that --configfile names; end the program where one is wrong.

    Snakemake reads them before the rules and says nothing of the file and the line. Profiles, which
    it reads earlier, call this.

    Args:
        arguments: of the command line.
    """
    named = _overlays(arguments)
    paths = [path for group in named for path in group]
    try:
        if len(named) > 1:
            raise UserError(
                "--configfile is there more than once; Snakemake would read the last one alone\n"
                f"    Hint: --configfile {' '.join(map(str, paths))}"
            )
        for path in paths:
            if not path.is_file():
                raise UserError(
                    f"--configfile {path}: there is no such file\n"
                    "    Hint: it takes all that follows; name targets before it"
                )
            read(path)
    except UserError as error:
        sys.exit(f"{error}")


def _overlays(arguments: Sequence[str]) -> list[list[Path]]:
    """The files that each --configfile names."""
    found: list[list[Path]] = []
    taken = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if argument.startswith("-"):
            taken = option in ("--configfile", "--configfiles")
            if taken:
                found.append([Path(value)] if equals else [])
        elif taken:
            found[-1].append(Path(argument))
    return found


def _shown(path: Path) -> str:
    """The path from here, where it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _text(path: Path, shown: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{shown}, line {line}: this is no UTF-8 text\n    Hint: save the file as UTF-8"
        ) from error


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except (JSONDecodeError, RecursionError):
        return False
    return True


def _malformed(shown: str, error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and (
        mark := error.problem_mark or error.context_mark
    ):
        why = error.problem or error.context or "this is no YAML"
        begins = ""
        if error.context and error.context_mark and error.context_mark.line != mark.line:
            begins = f" ({error.context} that begins in line {error.context_mark.line + 1})"
        place = f"{shown}, line {mark.line + 1}, column {mark.column + 1}"
        return f"{place}: {why}{begins}{_advice(text, mark.line, why)}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return f"{shown}, line {line}: a character that YAML does not allow: {error.character!r}"
    return f"{shown}: {error}"


def _advice(text: str, line: int, why: str) -> str:
    """What mends the usual mistakes."""
    lines = text.split("\n")
    around = lines[max(0, line - 1) : line + 1]
    if any(re.match(r"\s*\t", wrong) for wrong in around):
        return "\n    Hint: indent with spaces; YAML allows no tabs there"
    colons = "mapping values are not allowed" in why
    if (colons or "<document start>" in why) and (bare := _without_colon(lines, line)):
        return f"\n    Hint: line {bare} has no colon and blank: {lines[bare - 1].strip()}"
    if colons:
        return (
            "\n    Hint: a text with ': ' in it needs quotes; or the line before is indented else"
        )
    for wanted, hint in ADVICE.items():
        if wanted in why:
            return f"\n    Hint: {hint}"
    return ""


def _without_colon(lines: Sequence[str], line: int) -> int | None:
    """The number, from 1, of the line before this one where a key may lack its colon."""
    for number in range(line, 0, -1):
        before = lines[number - 1].split(" #")[0].strip()
        if before and not before.startswith("#"):
            lacks = re.fullmatch(r"\w+(:\S+| [^:]*)?", before) is not None
            return number if lacks else None
    return None


def line_of(shown: str, node: yaml.Node) -> str:
    """The file and the line of a node."""
    return f"{shown}, line {node.start_mark.line + 1}"


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    for inner, _ in _nodes(node):
        if isinstance(inner, yaml.ScalarNode):
            yield inner


def _fails(node: yaml.ScalarNode) -> bool:
    try:
        constructed(node)
    except ValueError:
        return True
    return False


def _nodes(root: yaml.Node) -> Iterator[tuple[yaml.Node, Keys]]:
    """Each node once, keys included, with the keys that lead to it."""
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, Keys]] = [(root, ())]
    while waiting:
        node, keys = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node, keys
        if isinstance(node, yaml.MappingNode):
            for key, value in reversed(node.value):
                waiting += [(value, (*keys, str(key.value))), (key, keys)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(v, (*keys, i)) for i, v in reversed(list(enumerate(node.value)))]


def _values_of(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node has, each as often as an anchor repeats it."""
    if id(node) not in known:
        known[id(node)] = 0  # Where it contains itself, there.
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_values_of(part, known) for part in inner)
    return known[id(node)]


def _check_keys(root: yaml.Node, shown: str) -> None:
    """Each key of a section is a text, and stands there once."""
    for node, keys in _nodes(root):
        if not isinstance(node, yaml.MappingNode):
            continue
        first: dict[Hashable, yaml.Node] = {}
        for key, content in node.value:
            if key.tag == MERGE or not isinstance(key, yaml.ScalarNode):
                continue
            value = constructed(key)
            name = ".".join(map(str, (*keys, key.value)))
            if re.fullmatch(r"\d+", str(key.value)) and content.value == "":
                raise UserError(
                    f"{line_of(shown, key)}: {name}: a key is a text; this looks like a number "
                    "with a comma\n    Hint: write a decimal point, such as 0.001"
                )
            if not isinstance(value, str):
                raise UserError(
                    f"{line_of(shown, key)}: {name}: a key is a text, but YAML reads "
                    f"{key.value or 'an empty key'} as {in_words(key.value, value)}\n"
                    f"    Hint: write '{key.value}' in quotes"
                )
            if value in first:
                raise UserError(
                    f"{line_of(shown, key)}: {name} is there twice, first in line "
                    f"{first[value].start_mark.line + 1}\n"
                    "    Hint: YAML would take the last one alone; put both into one section"
                )
            first[value] = key


def constructed(node: yaml.Node) -> Any:
    """What YAML makes of a node."""
    return yaml.FullLoader("").construct_object(node)


def is_octal(text: str) -> bool:
    """Whether YAML 1.1 takes a text for an octal number."""
    return re.fullmatch("[-+]?0[0-7_]*[1-7][0-7_]*", text) is not None


def in_words(text: str, value: Any) -> str:
    """What YAML makes of a text, such as: the date 2024-01-01."""
    if value is None:
        return "null: nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, date):
        return f"the date {value}"
    kinds = {"0x": "hexadecimal number ", "0b": "binary number "}
    kind = kinds.get(text.lower().lstrip("+-")[:2], "number ")
    if is_octal(text):
        kind = "octal number "
    return f"the {kind}{value}"
