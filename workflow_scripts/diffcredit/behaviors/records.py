"""Behaviors that were recorded elsewhere, as those of this workflow's own models.

A record describes one model: a line with a JSON object, or a row of a Parquet or CSV table. It has
``remaining_idx`` (and ``removed_idx``) or ``mask``, and the values of each behavior: a key with its
name, or ``generated_image_0_<name>``, ``generated_image_1_<name>``, ... with one value per query.
Records with the same ``removal_seed`` (or, without seeds, the same mask) belong to the same
coalition; records of v(all) and v(none) without seeds are repetitions.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diffcredit.behaviors.table import COSTS, MODELS, Behaviors
from diffcredit.config import RecordedTable, Records
from diffcredit.config.counts import dealt_names
from diffcredit.config.names import WrittenName, find
from diffcredit.config.record_files import RepeatedKey, parsed, rows
from diffcredit.config.recorded import matches
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.registry import DISTRIBUTIONS
from diffcredit.text import clean

KINDS = ("wrong", "missing", "duplicate", "conflicting")
#: The warning about integers that a table library wrote as floats because of empty cells.
FRACTIONS = "whole numbers are written as fractions: 1.0 is read as 1"
#: Number of bad records that a message names.
NAMED = 10


class BadRecordError(Exception):
    """A record that cannot be used: the kind of problem, and the reason."""

    def __init__(self, kind: str, why: str):
        super().__init__(why)
        self.kind = kind


@dataclass(frozen=True)
class Record:
    """A usable record.

    Attributes:
        place: line or row, for messages.
        identity: identifies the coalition.
        mask: (N,) bool, True where a contributor remains.
        values: (behavior, query) -> value.
    """

    place: int
    identity: Any
    mask: np.ndarray
    values: dict[tuple[str, int], float]


def behaviors_of(name: str, table: RecordedTable, settings: Records) -> Behaviors:
    """The behaviors of a recorded table; steps and seconds of its models are unknown (NA).

    Raises:
        UserError: if the file cannot be read, or no record matches ``where``; and, unless invalid
            records are skipped, if a record is invalid, incomplete or duplicated.
    """
    found: list[Record] = []
    bad: list[tuple[int, str, str]] = []
    guessed: Counter[str] = Counter()
    matching = 0
    repeated = DISTRIBUTIONS[table.drawn.distribution].endpoint is not None
    for place, row in rows(Path(table.path)):
        if isinstance(row, dict) and not matches(row, table.where):
            continue
        matching += 1
        try:
            found.append(_record(place, row, settings, repeated, guessed))
        except BadRecordError as error:
            bad.append((place, error.kind, str(error)))
    if not matching:
        raise UserError(f"{table.path}: no record has {table.where}")
    found, again = _without_repetitions(found)
    found, lacking = _with_the_same_behaviors(found)
    _tell(table.path, matching, sorted(bad + again + lacking), settings)
    if not found:
        raise UserError(f"{table.path}: no record is usable")
    for guess, count in guessed.items():
        logger.warning("%s: in %d lists of contributors %s", table.path, count, guess)
    return _to_behaviors(found, name)


def _record(
    place: int, row: Any, settings: Records, repeated: bool, guessed: Counter[str]
) -> Record:
    """A record, or `BadRecordError`.

    Args:
        place: its line or row.
        row: content of the record.
        settings: of all records.
        repeated: whether records of the same coalition are repetitions, as for v(all).
        guessed: counts the guesses about contributors.
    """
    if isinstance(row, RepeatedKey):
        raise BadRecordError("wrong", f"has {row.key} more than once")
    if not isinstance(row, dict):
        raise BadRecordError("wrong", "is not a JSON object")
    mask = _mask(row, settings.contributors, guessed)
    seed = _seed(row)
    identity = seed if seed is not None else f"row {place}" if repeated else mask.tobytes()
    values: dict[tuple[str, int], float] = {}
    for behavior in settings.behaviors:
        values |= {(behavior, query): v for query, v in _values(row, behavior).items()}
    return Record(place, identity, mask, values)


def _seed(row: dict[str, Any]) -> int | None:
    seed = row.get("removal_seed")
    if _absent(seed):
        return None
    if isinstance(seed, bool) or not isinstance(seed, int | float) or seed % 1 != 0:
        raise BadRecordError("wrong", f"removal_seed = {seed!r} is not a whole number")
    return int(seed)


def _absent(value: Any) -> bool:
    """None, or the NaN of an empty cell."""
    return value is None or (isinstance(value, float) and np.isnan(value))


def _mask(row: dict[str, Any], contributors: int, guessed: Counter[str]) -> np.ndarray:
    if not _absent(row.get("mask")):
        return _marks(row["mask"], contributors)
    if _absent(row.get("remaining_idx")):
        raise BadRecordError("missing", "has no remaining_idx and no mask")
    remaining = _numbers(row, "remaining_idx", contributors, guessed)
    mask = np.zeros(contributors, dtype=bool)
    mask[remaining] = True
    if not _absent(row.get("removed_idx")):
        removed = _numbers(row, "removed_idx", contributors, guessed)
        if sorted(removed) != list(np.flatnonzero(~mask)):
            raise BadRecordError("wrong", "removed_idx is not what remaining_idx leaves")
    return mask


def _marks(given: Any, contributors: int) -> np.ndarray:
    """The mask of a record: a list, or a text such as 0110, 0 1 1 0 or [0, 1, 1, 0]."""
    marks = {0: False, 1: True, "0": False, "1": True}
    if isinstance(given, str):
        given = re.sub(r"[\s,;\[\]]", "", given)
    entries = list(given) if isinstance(given, str | list | np.ndarray) else []
    if len(entries) != contributors or not all(
        isinstance(mark, str | int | float | np.generic) and mark in marks for mark in entries
    ):
        lost = (
            0 < len(entries) < contributors and isinstance(given, str) and set(entries) <= {*"01"}
        )
        why = "; zeros in front are lost where a spreadsheet takes it for a number" if lost else ""
        raise BadRecordError("wrong", f"mask must have {contributors} entries, 0 or 1{why}")
    return np.array([marks[mark] for mark in entries])


def _numbers(row: dict[str, Any], key: str, contributors: int, guessed: Counter[str]) -> list[int]:
    """The contributors of a record, listed by number or, as in lists of coalitions, by name."""
    given = row[key].tolist() if isinstance(row[key], np.ndarray) else row[key]
    found = _meant(parsed(given) if isinstance(given, str) else given, contributors, guessed)
    if found is None or len(set(found)) < len(found):
        raise BadRecordError("wrong", f"{key} must be different numbers of 0..{contributors - 1}")
    return found


def _meant(given: Any, contributors: int, guessed: Counter[str]) -> list[int] | None:
    """Numbers of the contributors in a list; None for unknown contributors, or if it is no list."""
    if not isinstance(given, list) or not all(type(item) in (int, float, str) for item in given):
        return None
    if all(type(item) is int and 0 <= item < contributors for item in given):
        return given
    items = [WrittenName(str(item), True, "", isinstance(item, str)) for item in given]
    try:
        meant = find(items, dealt_names(contributors), "contributor")
    except UserError:
        return None
    guessed.update(warning.removeprefix(": ") for warning in meant.warnings)
    if any(re.fullmatch(r"[0-9]+\.0+", clean(item.text)) for item in items):
        guessed[FRACTIONS] += 1
    return meant.numbers


def _values(row: dict[str, Any], behavior: str) -> dict[int, float]:
    """Query -> value of a behavior."""
    pattern = re.compile(rf"generated_image_(\d+)_{re.escape(behavior)}")
    keys = {0: behavior} if behavior in row else {}
    keys = keys or {int(m[1]): key for key in row if (m := pattern.fullmatch(key))}
    if not keys or any(row[key] is None for key in keys.values()):
        raise BadRecordError("missing", f"has no {behavior}")
    return {query: _number(row[key], key) for query, key in sorted(keys.items())}


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise BadRecordError("wrong", f"{key} = {value!r} is not a finite number")
    return float(value)


def _without_repetitions(records: list[Record]) -> tuple[list[Record], list[tuple[int, str, str]]]:
    """Keep the first of equal records; drop records that contradict each other."""
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault(record.identity, []).append(record)
    kept, bad = [], []
    for first, *others in groups.values():
        equal = [r for r in others if (r.mask == first.mask).all() and r.values == first.values]
        if len(equal) == len(others):
            kept.append(first)
            bad += [(r.place, "duplicate", f"repeats record {first.place}") for r in equal]
        else:
            places = ", ".join(str(r.place) for r in (first, *others))
            bad.append((first.place, "conflicting", f"records {places} contradict each other"))
    return kept, bad


def _with_the_same_behaviors(
    records: list[Record],
) -> tuple[list[Record], list[tuple[int, str, str]]]:
    """Keep the records with the most frequent set of queries."""
    if not records:
        return [], []
    counts = Counter(tuple(record.values) for record in records)
    usual = counts.most_common(1)[0][0]
    kept = [record for record in records if tuple(record.values) == usual]
    bad = [
        (record.place, "missing", f"has {len(record.values)} values where others have {len(usual)}")
        for record in records
        if tuple(record.values) != usual
    ]
    return kept, bad


def _tell(path: str, matching: int, bad: list[tuple[int, str, str]], settings: Records) -> None:
    if not bad:
        return
    counts = Counter(kind for _, kind, _ in bad)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    lines = [f"  record {place}: {why} ({kind})" for place, kind, why in bad[:NAMED]]
    more = [f"  and {len(bad) - NAMED} more"] if len(bad) > NAMED else []
    text = "\n".join([f"{path}: of {matching} records {told}", *lines, *more])
    if not settings.skip_invalid:
        raise UserError(f"{text}\n    Hint: mend them, or records.skip_invalid: true")
    logger.warning("%s\n  skipped", text)


def _to_behaviors(records: list[Record], name: str) -> Behaviors:
    """The behaviors of records; the number of a model is that of its coalition."""
    pairs: dict[bytes, int] = {}
    coalitions, values = [], []
    for number, record in enumerate(records):
        pair = pairs.setdefault((~record.mask).tobytes(), number)
        pairs.setdefault(record.mask.tobytes(), pair)
        coalitions.append((number, pair, record.mask))
        values += [
            (number, behavior, query, value) for (behavior, query), value in record.values.items()
        ]
    models = pd.DataFrame({"model": range(len(records))}).assign(
        approach="records",
        distribution=name,
        coalition=range(len(records)),
        training_seed=0,
        step=pd.array([None] * len(records), dtype="Int64"),
        **dict.fromkeys(COSTS, np.nan),
    )
    return Behaviors(
        models[MODELS],
        pd.DataFrame(values, columns=["model", "behavior", "query", "value"]),
        pd.DataFrame(coalitions, columns=["index", "pair", "mask"]),
    )
