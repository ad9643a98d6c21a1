"""The typed configuration: every key with its default and its range.

`load` turns the dictionary that Snakemake read into a `Config`, or raises one `UserError` with each
wrong key, its value, the accepted values and a hint.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffcredit.config.approach import Approach
from diffcredit.config.attributions import RemovalAttribution, ScoreAttribution
from diffcredit.config.behaviors import Behavior
from diffcredit.config.checks import problems
from diffcredit.config.classifier import Classifier
from diffcredit.config.counts import counted
from diffcredit.config.data import CsvContributors, Data, Injected, Planted
from diffcredit.config.evaluation import Convergence, Counterfactual, Evaluation, Lds, Regenerated
from diffcredit.config.execution import Execution, Keep
from diffcredit.config.explain import explain, unreadable
from diffcredit.config.full import Full
from diffcredit.config.gradients import Gradients
from diffcredit.config.pruned import Pruned
from diffcredit.config.records import RecordedTable, Records
from diffcredit.config.sampling import Sampling
from diffcredit.config.schema import Config
from diffcredit.config.sections import Section
from diffcredit.config.training import Ema, Training
from diffcredit.config.unlearning import Cluster, Removal, Unlearning
from diffcredit.errors import UserError

__all__ = [
    "Approach",
    "Behavior",
    "Classifier",
    "Cluster",
    "Config",
    "Convergence",
    "Counterfactual",
    "CsvContributors",
    "Data",
    "Ema",
    "Evaluation",
    "Execution",
    "Full",
    "Gradients",
    "Injected",
    "Keep",
    "Lds",
    "Planted",
    "Pruned",
    "RecordedTable",
    "Records",
    "Regenerated",
    "Removal",
    "RemovalAttribution",
    "Sampling",
    "ScoreAttribution",
    "Section",
    "Training",
    "Unlearning",
    "load",
]


def load(raw: dict[str, Any], base: Path = Path()) -> Config:
    """Check a configuration and return it typed, with counts of coalitions filled in.

    Args:
        raw: the configuration as read from YAML. An entry that is null in an overlay removes
            the entry of that name (see `NAMED_SECTIONS`).
            With records coalitions, approaches, behaviors and all attributions of models are left
            out.
        base: folder that data.path, lists of coalitions and records are relative to.

    Raises:
        UserError: with one line for each wrong key.
    """
    found = unreadable(raw)
    if not found:
        cleaned = _without_models(_without_removed(raw))
        try:
            config = Config.model_validate(cleaned)
        except ValidationError as error:
            found = explain(error.errors(), cleaned)
        except UserError as error:  # of an extension
            found = [f"  {error}"]
        else:
            found = problems(config, base)
            if not found:
                return counted(config, base)
    raise UserError("\n".join(["The configuration cannot be used:", *dict.fromkeys(found)]))


NAMED_SECTIONS = (
    "coalitions",
    "approaches",
    "extractors",
    "behaviors",
    "gradients",
    "attributions",
)


def _without_removed(raw: dict[str, Any]) -> dict[str, Any]:
    cleaned = dict(raw)
    for section in NAMED_SECTIONS:
        if isinstance(entries := cleaned.get(section), dict):
            cleaned[section] = {k: _active(v) for k, v in entries.items() if v is not None}
    return cleaned


def _without_models(raw: dict[str, Any]) -> dict[str, Any]:
    """Remove sections about models from a configuration with records."""
    if raw.get("records") is None:
        return raw
    cleaned = raw | {s: {} for s in ("coalitions", "approaches", "behaviors")}
    cleaned["unlearning"] = None
    if isinstance(entries := raw.get("attributions"), dict):
        cleaned["attributions"] = {k: v for k, v in entries.items() if _is_of_records(v)}
    return cleaned


def _is_of_records(attribution: Any) -> bool:
    values = attribution.get("values") if isinstance(attribution, dict) else None
    return not isinstance(values, str) or values.startswith("records/")


def _active(entry: Any) -> Any:
    """Remove null keys of an entry, and null entries of an approach's coalitions."""
    if not isinstance(entry, dict):
        return entry
    return {key: _active(value) for key, value in entry.items() if value is not None}
