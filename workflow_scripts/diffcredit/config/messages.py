"""Messages about wrong keys: the key, its value, accepted values and a hint, in terms of YAML."""

import difflib
import math
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel

#: Values are cut at this length.
LONGEST = 300
#: Deeper parts of a value are left out.
DEEPEST = 6


def choices(value: Any, names: Iterable[str], of: str = "") -> str:
    """The accepted names, with the closest one as a hint.

    Args:
        value: the name that is not accepted.
        names: accepted names.
        of: what to say where there are none: the section to add an entry to.
    """
    known = list(names)
    if not known:
        return f"there is none; add an entry to {of}" if of else "there is none to choose from"
    return f"must be one of: {', '.join(known)}{closest(value, known)}"


def closest(value: Any, names: Iterable[str]) -> str:
    """A question whether the closest of some names was meant, if one is close."""
    found = difflib.get_close_matches(value, [*names], n=1) if isinstance(value, str) else []
    return f"; did you mean {found[0]!r}?" if found else ""


def problem(key: str, value: Any, accepted: str, hint: str = "") -> str:
    """The line about a key."""
    line = f"  {key} = {shown(value)}: {accepted}"
    return f"{line}\n    Hint: {hint}" if hint else line


def shown(value: Any) -> str:
    """A value as it is written in YAML, cut where it is long; names are in quotes."""
    text = _written(value, DEEPEST)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _written(value: Any, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, int):
        # Python does not write out numbers of more digits.
        longest = sys.get_int_max_str_digits()
        return str(value) if abs(value) < 10**30 else _huge(value, longest)
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[:LONGEST])
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"!!binary of {len(value)} bytes"
    if isinstance(value, BaseModel):
        value = value.model_dump()
    return _container(value, depth)


def _huge(value: int, longest: int) -> str:
    digits = int(value.bit_length() * math.log10(2)) + 1
    return str(value) if 0 < digits < min(LONGEST, longest or LONGEST) else f"{digits} digits"


def _container(value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        parts = [
            f"{_key(key)}: {_written(part, depth - 1)}" if depth else "..."
            for key, part in list(value.items())[:LONGEST]
        ]
        return f"{{{', '.join(parts if depth else parts[:1])}}}"
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_written(part, depth - 1) if depth else "..." for part in [*value][:LONGEST]]
        return f"[{', '.join(parts if depth else parts[:1])}]"
    return "a value that YAML does not know"


def _key(key: Any) -> str:
    return key if isinstance(key, str) else _written(key, 1)
