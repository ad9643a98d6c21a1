"""Digests of behaviors: a table keeps the values of behaviors whose digest does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from diffcredit.config import Behavior
from diffcredit.plan.made import Made, Of, Settings, digest
from diffcredit.registry import EXTRACTORS, MEASURES

if TYPE_CHECKING:
    from diffcredit.plan.plan import Plan


def marks(
    plan: Plan, behaviors: Mapping[str, Behavior], settings: Settings, of: Of
) -> dict[str, str]:
    """A digest of everything that the values of each behavior depend on, besides the models.

    Args:
        plan: of the configuration.
        behaviors: the behaviors that one job measures.
        settings: of the job.
        of: inputs of the job besides the models or their samples.
    """
    shared = {
        name: value
        for name, value in settings.values.items()
        if name not in ("behaviors", "extractors", "files")
    }
    return {
        name: digest(
            shared,
            # Behaviors of models themselves have a version number instead.
            code_of_scoring(plan, {name: behavior}) if name in plan.sampled else {},
            behavior.model_dump(),
            _seen_by(plan, name, behavior, of),
        )
        for name, behavior in behaviors.items()
    }


def code_of_scoring(plan: Plan, behaviors: Mapping[str, Behavior]) -> dict[str, str]:
    """Digests of the code that measures behaviors on images."""
    kinds = [plan.config.extractors[name].kind for name in plan.extractors(behaviors)]
    measures = [behavior.measure.name for behavior in behaviors.values()]
    return plan.code.of_script("score", (MEASURES, measures), (EXTRACTORS, kinds))


def _seen_by(plan: Plan, name: str, behavior: Behavior, of: Of) -> list[Any]:
    """The images that a behavior compares with, and its extractor."""
    alone = {name: behavior}
    extractors = plan.extractors(alone)
    compared = [of[key] for key in ("reference", "full") if key in of]
    if behavior.compares != "full":
        compared = compared[:1]
    queries = [plan.queries(name)] if name in (*plan.looked_for, *plan.modeled) else []
    made = [*compared, *queries, *plan.classifiers(extractors).values()]
    return [
        plan.extractor_places(extractors),
        plan.behavior_weights(alone),
        [cast(Made, found).identity for found in made],
    ]
