"""What YAML makes of a text: it reads 0012 as 10, no as false and 2024-01-01 as a date."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from diffcredit.config.source import (
    ConfigFile,
    Keys,
    constructed,
    in_words,
    is_octal,
    line_of,
)

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


@dataclass(frozen=True)
class MisreadText:
    """A text without quotes that YAML takes for something else."""

    place: str
    text: str
    value: Any

    @property
    def told(self) -> str:
        """What YAML makes of it."""
        return f"YAML reads {self.text or 'an empty value'} as {in_words(self.text, self.value)}"


def problems(
    config: dict[str, Any],
    sources: Sequence[ConfigFile],
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
        misread = isinstance(value, date) or is_octal(changed.text) or ":" in changed.text
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


def _written(changed: MisreadText, message: str) -> str:
    """What to write for what YAML has changed, where a message says what a key must be."""
    if "must be a section" in message:
        return "a section has keys below it; leave it out for its defaults"
    if "must be a list" in message and changed.value is None:
        return "write [] for an empty one"
    if "must be a list" in message:
        return f"write [{changed.text!r}] for a list with the text"
    return f"write {changed.text!r} in quotes for the text"


def explained(message: str, config: dict[str, Any], sources: Sequence[ConfigFile]) -> str:
    """A message about keys, with what YAML made of their values where they were other texts."""
    lines = []
    for line in message.split("\n"):
        lines.append(line)
        if match := re.match(r"  ([\w.]+) = ", line):
            keys = tuple(int(key) if key.isdecimal() else key for key in match[1].split("."))
            changed = _changed(keys, _value_at(config, keys), sources)
            if changed is not None and (_is_odd(changed) or _wants_text(line)):
                lines.append(
                    f"    Hint: {changed.told} ({changed.place}); {_written(changed, line)}"
                )
    return "\n".join(lines)


def _is_odd(changed: MisreadText) -> bool:
    """Whether YAML makes of a text what few would expect."""
    value, text = changed.value, changed.text
    if value is None:
        return False
    if isinstance(value, bool):
        return text.lower() not in ("true", "false")
    if isinstance(value, int | float):
        return is_octal(text) or re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text, re.I) is None
    return True


def _wants_text(message: str) -> bool:
    """Whether a message says that a key must be text, a list or a section."""
    wanted = ("must be text", "a name is", "must be a list", "must be a section")
    return any(words in message for words in wanted)


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


def _changed(keys: Keys, value: Any, sources: Sequence[ConfigFile]) -> MisreadText | None:
    """How a value is written, if YAML made something else of it."""
    if isinstance(value, str | dict | list):
        return None
    for source in reversed(sources):
        node = _node_at(source.root, keys)
        if not isinstance(node, yaml.ScalarNode):
            continue
        made = constructed(node)
        if type(made) is not type(value) or made != value:
            continue
        if node.style is not None or (type(value) is int and node.value == str(value)):
            return None
        return MisreadText(line_of(source.path, node), node.value, value)
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


def _instead(changed: MisreadText, naming: bool) -> str:
    quoted = f"write {changed.text!r} in quotes"
    if naming and type(changed.value) is int:
        return f"{quoted} for the name, {changed.value} for that number"
    if type(changed.value) not in (int, float) or naming:
        return quoted
    if is_octal(changed.text):
        plain = changed.text.lstrip("+-0").replace("_", "")
        return f"write {plain}, or {changed.value} if that was meant, or {quoted[6:]} for a text"
    return f"write {changed.value}, or {quoted[6:]} for a text"


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > LISTED else ""
    return f" (names: {', '.join(names[:LISTED])}{more})" if names else ""
