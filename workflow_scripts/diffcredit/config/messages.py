"""How a wrong key is told: the key, its value, what is accepted, and a hint."""

import difflib
from typing import Any


def choices(value: Any, names: list[str]) -> str:
    """What is accepted where a name is wanted, with the closest one as a hint."""
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"must be one of: {', '.join(names)}{hint}"


def problem(key: str, value: Any, accepted: str, hint: str = "") -> str:
    """The line about a key."""
    line = f"  {key} = {value!r}: {accepted}"
    return f"{line}\n    Hint: {hint}" if hint else line
