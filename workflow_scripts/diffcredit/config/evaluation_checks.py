"""What evaluations ask of approaches, attributions and behaviors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffcredit.config.counts import known_contributors
from diffcredit.config.evaluation import Counterfactual, Regenerated
from diffcredit.config.messages import choices, problem
from diffcredit.config.schema import Config
from diffcredit.registry import DISTRIBUTIONS


def counterfactual_problems(config: Config, settings: Counterfactual) -> list[str]:
    """One line for each wrong key of `evaluation.counterfactual`."""
    key = "evaluation.counterfactual"
    named: dict[str, tuple[list[str], Mapping[str, object]]] = {
        "approach": ([settings.approach], config.approaches),
        "attributions": (settings.attributions, dict.fromkeys(config.attributed)),
        "behaviors": (settings.behaviors, config.behaviors),
    }
    found = [
        problem(f"{key}.{field}", name, choices(name, list(known)))
        for field, (names, known) in named.items()
        for name in names
        if name not in known
    ]
    found += _unexplained(config, key, settings.attributions, settings.behaviors)
    entry, made_by = config.distribution_of(settings.full), settings.full.split("/")[0]
    if entry and DISTRIBUTIONS[entry.distribution].endpoint != "full":
        accepted = "must name coalitions of distribution full"
        found.append(problem(f"{key}.full", settings.full, accepted))
    elif settings.approach in config.approaches and settings.approach != made_by:
        accepted = f"must be of the approach that makes the models, {settings.approach}"
        found.append(problem(f"{key}.full", settings.full, accepted))
    return [*found, *_doubled(key, named)]


def _doubled(key: str, named: Mapping[str, tuple[list[str], Any]]) -> list[str]:
    return [
        problem(f"{key}.{field}", names, "names an entry twice")
        for field, (names, _) in named.items()
        if len(set(names)) < len(names)
    ]


def _unexplained(
    config: Config, key: str, attributions: list[str], behaviors: list[str]
) -> list[str]:
    """Scores explain the behaviors that they name, no others."""
    return [
        problem(f"{key}.attributions", name, f"must explain behavior {behavior}")
        for name in attributions
        for behavior in behaviors
        if name in config.score_attributions
        and behavior not in config.score_attributions[name].behaviors
    ]


def regenerated_problems(config: Config, settings: Regenerated, base: Path) -> list[str]:
    """One line for each wrong key of `evaluation.regenerated`."""
    key = "evaluation.regenerated"
    generated = [
        name for name, behavior in config.behaviors.items() if behavior.query_images == "generated"
    ]
    compared = [name for name, b in config.behaviors.items() if b.compares == "full"]
    named: dict[str, tuple[list[str], list[str]]] = {
        "approach": ([settings.approach], list(config.approaches)),
        "attributions": (settings.attributions, config.attributed),
        "behavior": ([settings.behavior], generated),
        "compared": (settings.compared, compared),
    }
    found = [
        problem(f"{key}.{field}", name, choices(name, known))
        for field, (names, known) in named.items()
        for name in names
        if name not in known
    ]
    if found:
        return found
    for name in (settings.behavior, *settings.compared):
        queries = config.behaviors[name].queries
        if settings.queries > queries:
            accepted = f"must not exceed behaviors.{name}.measure.queries = {queries}"
            found.append(problem(f"{key}.queries", settings.queries, accepted))
    found += _unexplained(config, key, settings.attributions, [settings.behavior])
    found += _doubled(key, named)
    count = known_contributors(config.data, base)
    if count is not None and settings.remove >= count:
        accepted = f"must be below the {count} contributors"
        found.append(problem(f"{key}.remove", settings.remove, accepted))
    return found
