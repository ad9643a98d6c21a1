"""Which recorded behaviors a table asks for, and how many coalitions they are of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffcredit.config.record_files import rows


def matches(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a record has the values that a table asks for."""
    return all(
        _is_one_of(row.get(key), value if isinstance(value, list) else [value])
        for key, value in where.items()
    )


def _is_one_of(found: Any, values: list[Any]) -> bool:
    """Whether a record has one of some values; lists in a table of Parquet are arrays."""
    return (found.tolist() if hasattr(found, "tolist") else found) in values


def has_coalitions(path: Path, where: Mapping[str, Any], least: int) -> bool:
    """Whether the records of a table are of so many different coalitions; reads no further.

    A record that will turn out to be invalid counts, too.
    """
    found = set()
    for _, row in rows(path):
        if isinstance(row, dict) and matches(row, where):
            kept = row.get("remaining_idx")
            found.add(str(row.get("mask") if kept is None else sorted(map(str, kept))))
            if len(found) >= least:
                return True
    return False
