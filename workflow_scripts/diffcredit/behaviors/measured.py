"""The table of a shard's behaviors, which keeps what an earlier run has measured.

Where a behavior is added or one changes, values of the others are those that are there already. The
header of the table tells of each behavior what its values depend on.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diffcredit import identities
from diffcredit.errors import UserError
from diffcredit.files import read_table, read_table_facts, write_table
from diffcredit.logs import each_warning, logger

#: Name of the fact that tells what the values of each behavior depend on.
MARKS = "marks"
#: And that which tells what was warned of when they were measured.
WARNINGS = "warnings"


def complete(
    path: str | Path,
    models: str | Path,
    marks: Mapping[str, str],
    measure: Callable[[list[str]], pd.DataFrame],
) -> None:
    """Write the table of a shard; values that an earlier table has are not measured again.

    Args:
        path: of the table.
        models: the models that are measured, or their samples: a file or folder with an identity.
        marks: behavior -> a digest of all that its values depend on besides the models.
        measure: names of behaviors -> their table, see `scoring.score_shard`.
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
    """Rows of an earlier table that hold, None where none do; and what it was warned of then.

    Each warning has its message and the behaviors that were measured.
    """
    try:
        facts, table = read_table_facts(path), read_table(path)
    except UserError:
        return None, []
    told = facts.get(MARKS, {})
    same = [name for name, mark in marks.items() if told.get(name) == mark]
    return table[table["behavior"].isin(same)] if same else None, facts.get(WARNINGS, [])


def _joined(parts: Sequence[pd.DataFrame], behaviors: Sequence[str]) -> pd.DataFrame:
    """One table of several of the same models and of different behaviors.

    The seconds of scoring add up; rows are in the order of the models, then of ``behaviors``.
    """
    seconds = pd.concat([part.drop_duplicates("coalition") for part in parts])
    total = seconds.groupby("coalition")["seconds_scoring"].sum()
    table = pd.concat(parts, ignore_index=True)
    table["seconds_scoring"] = table["coalition"].map(total)
    places = {name: place for place, name in enumerate(behaviors)}
    order = [table["query"], table["behavior"].map(places), table["coalition"]]
    return table.iloc[np.lexsort(order)].reset_index(drop=True)
