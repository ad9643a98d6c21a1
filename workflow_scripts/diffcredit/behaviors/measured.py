"""The table of a shard's behaviors, which keeps the values of earlier runs.

When a behavior is added or changed, the values of the others are kept. The header of the table
holds, for each behavior, a digest of everything its values depend on.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from diffcredit import identities
from diffcredit.behaviors.table import MODEL
from diffcredit.errors import UserError
from diffcredit.files import read_table, read_table_facts, write_table
from diffcredit.logs import each_warning, logger

#: Name of the fact with a digest of what each behavior's values depend on.
MARKS = "marks"
#: Name of the fact with the warnings of the measurements.
WARNINGS = "warnings"


def complete(
    path: str | Path,
    models: str | Path,
    marks: Mapping[str, str],
    measure: Callable[[list[str]], pd.DataFrame],
) -> None:
    """Write the table of a shard; values of an earlier table are not measured again.

    Args:
        path: of the table.
        models: file or folder of the models, or of their samples; it has an identity.
        marks: behavior -> digest of everything its values depend on besides the models.
        measure: returns the table of behaviors with given names, see `scoring.score_shard`.
    """
    identity = identities.read(models)
    wanted = {name: json.dumps([identity, mark]) for name, mark in marks.items()}
    there, before = _earlier(Path(path), wanted)
    known = set() if there is None else set(there["behavior"])
    parts = [] if there is None else [there]
    if known:
        logger.info("measured before: %s", ", ".join(name for name in wanted if name in known))
    warnings = [kept for kept in before if known & {*kept["behaviors"]}]
    for kept in warnings:
        logger.warning("%s", kept["message"])
    if missing := [name for name in wanted if name not in known]:
        with each_warning(
            lambda message: warnings.append({"behaviors": missing, "message": message})
        ):
            parts.append(measure(missing))
    write_table(_joined(parts, list(wanted)), path, {MARKS: wanted, WARNINGS: warnings})


def _earlier(
    path: Path, marks: Mapping[str, str]
) -> tuple[pd.DataFrame | None, list[dict[str, Any]]]:
    """Rows of an earlier table that are still valid, or None; and the warnings about them.

    A warning has a message and the behaviors that were measured.
    """
    try:
        facts, table = read_table_facts(path), read_table(path)
    except UserError:
        return None, []
    told = facts.get(MARKS, {})
    same = [name for name, mark in marks.items() if told.get(name) == mark]
    return table[table["behavior"].isin(same)] if same else None, facts.get(WARNINGS, [])


def _joined(parts: Sequence[pd.DataFrame], behaviors: Sequence[str]) -> pd.DataFrame:
    """Join tables of the same models with different behaviors.

    The seconds of scoring add up; rows are in the order of the models, then of ``behaviors``.
    """
    seconds = pd.concat([part.drop_duplicates(MODEL) for part in parts])
    total = seconds.groupby(MODEL, dropna=False, as_index=False)["seconds_scoring"].sum()
    table = pd.concat(parts, ignore_index=True).drop(columns="seconds_scoring")
    table = table.merge(total, on=MODEL).assign(
        place=lambda rows: rows["behavior"].map({name: n for n, name in enumerate(behaviors)})
    )
    table = table.sort_values([*MODEL, "place", "query"], kind="stable", ignore_index=True)
    return table.drop(columns="place")
