"""Pydantic's errors in words that a user can act on."""

import re
import typing
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic.fields import FieldInfo

from diffcredit.config.messages import LONGEST, choices, closest, problem, shown
from diffcredit.config.options import UNKNOWN, Registered, member
from diffcredit.config.renamed import renamed
from diffcredit.config.schema import Config
from diffcredit.config.sections import Section
from diffcredit.config.source import MOST_VALUES

#: A configuration is no deeper, and YAML can make one that contains itself.
DEEPEST = 20
#: Whole numbers from there on are in no range.
TOO_LARGE = 2**64


class _UnreadableError(Exception):
    """Says what cannot be looked at, in a line for the user."""


def unreadable(raw: Any) -> list[str]:
    """What cannot be looked at as a configuration at all: too deep, or numbers without end."""
    try:
        _size(raw, (), {})
    except _UnreadableError as error:
        return [str(error)]
    return []


def _size(value: Any, place: tuple[Any, ...], known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values are in a value, and how deep it is.

    Args:
        value: a part of the configuration.
        place: where it is.
        known: sizes of the lists and sections that were looked at, which anchors repeat.
    """
    if id(value) in known:
        size, height = known[id(value)]
    else:
        size, height = 1, 0
        if len(place) <= DEEPEST:
            for key, part in _parts(value):
                if isinstance(part, dict | list | tuple):
                    inner = _size(part, (*place, key), known)
                    size, height = size + inner[0], max(height, inner[1] + 1)
                elif isinstance(part, int) and abs(part) >= TOO_LARGE:
                    told = "is too large a number; accepted: below 2^64"
                    raise _UnreadableError(problem(_joined((*place, key)), part, told))
                else:
                    size += 1
        known[id(value)] = size, height
    if len(place) + height > DEEPEST:
        told = "sections in sections, or contains itself; the deepest of all has 6"
        raise _UnreadableError(f"  {_joined(place[:3])} has too many {told}")
    if size > MOST_VALUES:
        raise _UnreadableError(f"  {_joined(place) or 'the configuration'} has too many values")
    return size, height


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else enumerate(value)


def _joined(place: Sequence[Any]) -> str:
    return ".".join(_part(part) for part in place)


def explain(errors: list[Any], raw: dict[str, Any]) -> list[str]:
    """One line for each key of the user's configuration that is wrong."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for item in errors:
        found.setdefault(_place(item, raw), []).append(item)
    # A union complains once for each of its members: what is said of a key within is closer.
    around = {place[:end] for place in found for end in range(len(place))}
    return [_line(place, items) for place, items in found.items() if place not in around]


def _place(item: Any, raw: dict[str, Any]) -> tuple[Any, ...]:
    """Where in the user's file an error is: its location without pydantic's names of types."""
    place: list[Any] = []
    current: Any = raw
    for part in item["loc"]:
        named = isinstance(current, dict) and part in current
        listed = isinstance(current, list) and isinstance(part, int)
        if named or listed:
            current = current[part]
        elif part is not item["loc"][-1] or item["type"] not in ("missing", UNKNOWN):
            continue
        place.append(part)
    return tuple(place)


#: What is wrong with a value, by pydantic's name of it, in words of YAML; {...} are its facts.
WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "greater_than": "must be above {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "less_than": "must be below {lt:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "multiple_of": "must be a multiple of {multiple_of:.15g}",
    "too_short": "must have {min_length} or more",
    "string_too_short": "must have {min_length} letters or more",
    "string_too_long": "must have {max_length} letters or fewer",
    "recursion_loop": "must not contain itself",
}
#: What is no section at all.
NO_SECTION = ("model_type", "model_attributes_type", "dict_type", "dataclass_type")
NAME = "a name is letters, digits and _, a letter first, at most 100"


def _line(place: tuple[Any, ...], items: list[Any]) -> str:
    item = items[0]
    key = _joined(place)
    kind, value = item["type"], item["input"]
    description = _description(item["loc"])
    if kind == "extra_forbidden" and (told := renamed(place)):
        return problem(key, value, told)
    if kind == "extra_forbidden":
        return problem(key, value, f"unknown key; {choices(place[-1], _known_keys(item['loc']))}")
    if kind == "missing":
        return f"  {key} is missing: {description or 'it has no default'}"
    if kind == UNKNOWN:
        return problem(key, value, item["msg"])
    if item["loc"][-1] == "[key]" or kind == "invalid_key":
        return problem(key, value, NAME)
    if value is None and (example := _example(key, item["loc"])):
        return f"  {key} is missing: {description}\n    Hint: {example}"
    if len(items) == 1 and kind in NO_SECTION:
        wanted = description or f"a section{_of_what(kind, item['loc'])}"
        return problem(key, value, f"must be {wanted}")
    if len(items) > 1 or kind not in ("value_error", *WORDS):
        meant = closest(value, re.findall(r"[a-z_]{4,}", description))
        return problem(key, value, f"must be {description}{meant}" if description else "is refused")
    if kind == "value_error":
        return problem(key, value, str(item["ctx"]["error"]))
    message = WORDS[kind].format(**item.get("ctx", {}))
    return problem(key, value, f"{message}; accepted: {description}" if description else message)


def _part(part: Any) -> str:
    """A part of a key; keys that are no text are written as values are."""
    return part if isinstance(part, str) and len(part) <= LONGEST else shown(part)


def _of_what(kind: str, location: Sequence[Any]) -> str:
    """What a section consists of: its keys, or entries that have names."""
    known = [] if kind == "dict_type" else _known_keys((*location, ""))
    if known:
        return f" with {', '.join(known)}"
    return " of entries, each with a name"


def _example(key: str, location: Sequence[Any]) -> str:
    """What to write where a value is needed and null stands there, if the schema has an example."""
    field = _field(location)
    return f"{key}: {field.examples[0]}" if field and field.examples else ""


def _sections(location: Sequence[Any]) -> list[type[Section]]:
    """The section classes at a location of pydantic's, in which entries of registries are named."""
    found: list[tuple[str, type[Section]]] = [("", Config)]
    named = False
    for part in location:
        if named:  # The user's name of an entry, which may be that of a type, too.
            named = False
            continue
        fields = [s.model_fields[part] for _, s in found if part in s.model_fields]
        if fields:
            named = any(typing.get_origin(field.annotation) is dict for field in fields)
            found = [
                member for field in fields for member in _members(field.annotation, field.metadata)
            ]
        elif len(found) > 1:
            found = [(name, section) for name, section in found if name == part] or found
    return [section for _, section in found]


def _members(annotation: Any, metadata: Sequence[Any] = ()) -> list[tuple[str, type[Section]]]:
    """The sections that an annotation is made of, each with its name in a registry, if any."""
    for mark in metadata:
        if isinstance(mark, Registered):
            return [(member(name), mark.table[name].Options) for name in mark.table]
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [("", annotation)]
    if typing.get_origin(annotation) is Annotated:
        inner, *marks = typing.get_args(annotation)
        return _members(inner, marks)
    return [member for part in typing.get_args(annotation) for member in _members(part)]


def _known_keys(location: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(k for s in _sections(location[:-1]) for k in s.model_fields))


def _description(location: Sequence[Any]) -> str:
    """What the last key at a location accepts."""
    field = _field(location)
    return (field.description or "") if field else ""


def _field(location: Sequence[Any]) -> FieldInfo | None:
    """The last key at a location that a section has."""
    for end in range(len(location), 0, -1):
        for section in _sections(location[: end - 1]):
            if field := section.model_fields.get(location[end - 1]):
                return field
    return None
