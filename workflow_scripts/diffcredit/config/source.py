"""The configuration as it is written: where YAML is wrong, and what it makes of a text.

YAML 1.1 reads 0012 as 10, no as false and 2024-01-01 as a date, a repeated key hides the first one,
and Snakemake tells of a broken file neither its name nor a line.
"""

import re
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

import yaml

from diffcredit.errors import UserError

Keys = tuple[str | int, ...]

#: Places whose values name a contributor, a class or an image; * is any key or number.
NAMING = (
    "unlearning.remove.contributor",
    "unlearning.remove.label",
    "unlearning.remove.images.*",
    "data.labels.*",
    "data.injected.image",
)
#: Places whose values are compared with what a file says.
COMPARED = ("records.tables.*.where.*", "records.tables.*.where.*.*")
#: Names that there are which a hint lists.
LISTED = 4
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
class Source:
    """A configuration file.

    Attributes:
        path: as the messages name it.
        root: its nodes, with their text and lines; None where YAML cannot read it, but JSON can.
    """

    path: str
    root: yaml.Node | None


@dataclass(frozen=True)
class Changed:
    """A text without quotes that YAML takes for something else."""

    place: str
    text: str
    value: Any

    @property
    def told(self) -> str:
        """What YAML makes of it."""
        return f"YAML reads {self.text or 'an empty value'} as {_in_words(self.text, self.value)}"


def read_all(paths: Sequence[str | Path]) -> list[Source]:
    """The files of a configuration, later ones laid over those before.

    Raises:
        UserError: where one is missing, is no YAML or has a key twice, with its lines.
    """
    return [read(Path(path)) for path in paths]


def read(path: Path) -> Source:
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
            loader.construct_document(node)
    except yaml.YAMLError as error:
        if _is_json(text):
            return Source(shown, None)
        raise UserError(_malformed(shown, error, text)) from error
    except RecursionError as error:
        raise UserError(f"{shown}: its sections are too deep, or contain themselves") from error
    except ValueError as error:  # Such as a date in month 13.
        assert node is not None
        bad = next(scalar for scalar in _scalars(node) if _fails(scalar))
        text = bad.value if len(bad.value) <= LONGEST else f"{bad.value[:LONGEST]}..."
        kind = bad.tag.rsplit(":", 1)[-1]
        raise UserError(
            f"{_line(shown, bad)}: YAML reads {text} as {KINDS.get(kind, kind)}, which it is not\n"
            f"    Hint: for a name or a text, write {text!r} in quotes"
        ) from error
    if not isinstance(node, yaml.MappingNode):
        what = "is empty" if node is None else "has no keys"
        raise UserError(f"{shown} {what}: a configuration has keys, such as experiment: mine")
    return Source(shown, node)


def problems(
    config: dict[str, Any],
    sources: Sequence[Source],
    known: Callable[[dict[str, Any], str], Sequence[str]] = lambda config, key: (),
) -> list[str]:
    """One line for each place where YAML has changed what names something, or misread a number.

    Args:
        config: as Snakemake made it of the files.
        sources: the files, later ones laid over those before.
        known: names that there are for a key of a configuration, see `known.names`.
    """
    found = []
    for keys, value in _values(config, ()):
        naming, compared = _matches(keys, NAMING), _matches(keys, COMPARED)
        changed = _changed(keys, value, sources)
        if changed is None or (value is None and keys[-1] in ("contributor", "label", "image")):
            continue
        word = isinstance(value, bool) and changed.text.lower() not in ("true", "false")
        misread = isinstance(value, date) or _is_octal(changed.text) or ":" in changed.text
        if naming or misread or (compared and word):
            key = ".".join(map(str, keys))
            shown = "null" if value is None else str(value)
            shown = shown.lower() if isinstance(value, bool) else shown
            names = known(config, key) if naming else ()
            found.append(
                f"  {key} = {shown}: {changed.told} ({changed.place})\n"
                f"    Hint: {_instead(changed, naming)}{_listed(names)}"
            )
    return found


def _written(changed: Changed, message: str) -> str:
    """What to write for what YAML has changed, where a message says what a key must be."""
    if "must be a section" in message:
        return "a section has keys below it; leave it out for its defaults"
    if "must be a list" in message:
        return f"write [{changed.text!r}] for a list with the text"
    return f"write {changed.text!r} in quotes for the text"


def explained(message: str, config: dict[str, Any], sources: Sequence[Source]) -> str:
    """A message about keys, with what YAML made of their values where they were other texts."""
    lines = []
    for line in message.split("\n"):
        lines.append(line)
        if match := re.match(r"  ([\w.]+) = ", line):
            keys = tuple(int(key) if key.isdecimal() else key for key in match[1].split("."))
            changed = _changed(keys, _value_at(config, keys), sources)
            if changed is not None:
                lines.append(
                    f"    Hint: {changed.told} ({changed.place}); {_written(changed, line)}"
                )
    return "\n".join(lines)


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


def _line(shown: str, node: yaml.Node) -> str:
    return f"{shown}, line {node.start_mark.line + 1}"


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    for inner, _ in _nodes(node):
        if isinstance(inner, yaml.ScalarNode):
            yield inner


def _fails(node: yaml.ScalarNode) -> bool:
    try:
        _constructed(node)
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
        for key, _ in node.value:
            if key.tag == MERGE or not isinstance(key, yaml.ScalarNode):
                continue
            value = _constructed(key)
            name = ".".join(map(str, (*keys, key.value)))
            if not isinstance(value, str):
                raise UserError(
                    f"{_line(shown, key)}: {name}: a key is a text, but YAML reads "
                    f"{key.value or 'an empty key'} as {_in_words(key.value, value)}\n"
                    f"    Hint: write '{key.value}' in quotes"
                )
            if value in first:
                raise UserError(
                    f"{_line(shown, key)}: {name} is there twice, first in line "
                    f"{first[value].start_mark.line + 1}\n"
                    "    Hint: YAML would take the last one alone; put both into one section"
                )
            first[value] = key


def _constructed(node: yaml.Node) -> Any:
    return yaml.FullLoader("").construct_object(node)


def _values(value: Any, keys: Keys, within: tuple[int, ...] = ()) -> Iterator[tuple[Keys, Any]]:
    """What is no section and no list in a configuration, with its keys."""
    if not isinstance(value, dict | list):
        yield keys, value
    elif id(value) not in within:  # Anchors may make a section contain itself.
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _values(inner, (*keys, key), (*within, id(value)))


def _value_at(config: Any, keys: Keys) -> Any:
    for key in keys:
        try:
            config = config[key]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def _matches(keys: Keys, patterns: Sequence[str]) -> bool:
    return any(
        len(keys) == len(parts) and all(p in ("*", k) for p, k in zip(parts, keys, strict=True))
        for parts in (pattern.split(".") for pattern in patterns)
    )


def _changed(keys: Keys, value: Any, sources: Sequence[Source]) -> Changed | None:
    """How a value is written, if YAML made something else of it."""
    if isinstance(value, str | dict | list):
        return None
    for source in reversed(sources):
        node = _node_at(source.root, keys)
        if not isinstance(node, yaml.ScalarNode):
            continue
        made = _constructed(node)
        if type(made) is not type(value) or made != value:
            continue
        if node.style is not None or (type(value) is int and node.value == str(value)):
            return None
        return Changed(_line(source.path, node), node.value, value)
    return None


def _node_at(node: yaml.Node | None, keys: Keys) -> yaml.Node | None:
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            # What is merged stands before what is written there.
            node = next((v for k, v in reversed(node.value) if k.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key] if key < len(node.value) else None
        else:
            return None
    return node


def _is_octal(text: str) -> bool:
    return re.fullmatch("[-+]?0[0-7_]*[1-7][0-7_]*", text) is not None


def _in_words(text: str, value: Any) -> str:
    if value is None:
        return "null: nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, date):
        return f"the date {value}"
    kinds = {"0x": "hexadecimal number ", "0b": "binary number "}
    kind = kinds.get(text.lower().lstrip("+-")[:2], "number ")
    if _is_octal(text):
        kind = "octal number "
    return f"the {kind}{value}"


def _instead(changed: Changed, naming: bool) -> str:
    quoted = f"write {changed.text!r} in quotes"
    if naming and type(changed.value) is int:
        return f"{quoted} for the name, {changed.value} for that number"
    if type(changed.value) not in (int, float) or naming:
        return quoted
    if _is_octal(changed.text):
        plain = changed.text.lstrip("+-0").replace("_", "")
        return f"write {plain}, or {changed.value} if that was meant, or {quoted[6:]} for a text"
    return f"write {changed.value}, or {quoted[6:]} for a text"


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > LISTED else ""
    return f" (names: {', '.join(names[:LISTED])}{more})" if names else ""
