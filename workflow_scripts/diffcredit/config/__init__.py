"""The typed configuration: the one place that knows every key, its default and its range.

`load` turns the dictionary that Snakemake read into a `Config` or raises one `UserError` that
names each wrong key, its value, what is accepted and a hint.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffcredit.config.checks import problems
from diffcredit.config.counts import counted
from diffcredit.config.explain import explain
from diffcredit.config.schema import (
    AddOneIn,
    Approach,
    Attribution,
    Behavior,
    Classifier,
    Config,
    CsvContributors,
    Data,
    Datamodel,
    Distribution,
    Ema,
    Evaluation,
    Everyone,
    Execution,
    Full,
    Keep,
    Lds,
    LeaveOneOut,
    Listed,
    Model,
    Nobody,
    Planted,
    Pruned,
    Sampling,
    Section,
    Shapley,
    Training,
    Uniform,
)
from diffcredit.errors import UserError

__all__ = [
    "AddOneIn",
    "Approach",
    "Attribution",
    "Behavior",
    "Classifier",
    "Config",
    "CsvContributors",
    "Data",
    "Datamodel",
    "Distribution",
    "Ema",
    "Evaluation",
    "Everyone",
    "Execution",
    "Full",
    "Keep",
    "Lds",
    "LeaveOneOut",
    "Listed",
    "Model",
    "Nobody",
    "Planted",
    "Pruned",
    "Sampling",
    "Section",
    "Shapley",
    "Training",
    "Uniform",
    "load",
]


def load(raw: dict[str, Any], base: Path = Path()) -> Config:
    """Check a configuration and return it typed, its counts of coalitions filled in.

    Args:
        raw: the configuration as read from YAML. An entry that is null in an overlay removes
            the entry of that name (coalitions, approaches, behaviors, attributions).
        base: folder that data.path and lists of coalitions are relative to.

    Raises:
        UserError: with one line for each wrong key.
    """
    cleaned = _without_removed(raw)
    try:
        config = Config.model_validate(cleaned)
    except ValidationError as error:
        found = explain(error.errors(), cleaned)
    else:
        found = problems(config, base)
        if not found:
            return counted(config, base)
    raise UserError("\n".join(["The configuration cannot be used:", *found]))


NAMED_SECTIONS = ("coalitions", "approaches", "behaviors", "attributions")


def _without_removed(raw: dict[str, Any]) -> dict[str, Any]:
    cleaned = dict(raw)
    for section in NAMED_SECTIONS:
        if isinstance(entries := cleaned.get(section), dict):
            cleaned[section] = {k: _active(v) for k, v in entries.items() if v is not None}
    return cleaned


def _active(entry: Any) -> Any:
    """Null removes keys of an entry, too, and entries of an approach's table of coalitions."""
    if not isinstance(entry, dict):
        return entry
    return {key: _active(value) for key, value in entry.items() if value is not None}
