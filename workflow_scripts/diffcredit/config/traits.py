"""Checks of the traits that building blocks need of the model family."""

from collections.abc import Iterator, Set

from diffcredit.config.messages import problem
from diffcredit.config.schema import Config
from diffcredit.registry import (
    FAMILIES,
    FUNCTIONS,
    MEASURES,
    OBJECTIVES,
    PARAMETERS,
    SCORES,
)


def trait_problems(config: Config) -> list[str]:
    """A message for each building block that needs traits which the model family lacks.

    The pruner has its own message, where an approach starts from the pruned model.
    """
    return [
        problem(key, block, told)
        for key, block, traits in _blocks(config)
        if (told := lacking(config.model.family, block, traits))
    ]


def _blocks(config: Config) -> Iterator[tuple[str, str, Set[str]]]:
    """Key, name and required traits of each building block that works on models."""
    for name, behavior in config.behaviors.items():
        measure = behavior.measure.name
        yield f"behaviors.{name}.measure", measure, MEASURES[measure].requires
    for place, recipe in config.recipes.items():
        objective, parameters = recipe.objective.name, recipe.parameters.name
        yield f"{place}.objective", objective, OBJECTIVES[objective].requires
        yield f"{place}.parameters", parameters, PARAMETERS[parameters].requires
    for name, gradients in config.gradients.items():
        function = gradients.function.name
        yield f"gradients.{name}.function", function, FUNCTIONS[function].requires
    for name, attribution in config.score_attributions.items():
        method = attribution.method.name
        yield f"attributions.{name}.method", method, SCORES[method].requires


def lacking(family: str, block: str, traits: Set[str]) -> str | None:
    """What to say where a family lacks traits that a building block needs; None where it does not.

    Args:
        family: name of the family.
        block: name of the building block.
        traits: that it needs.
    """
    missing = sorted(traits - FAMILIES[family].traits)
    if not missing:
        return None
    fitting = [name for name, other in FAMILIES.items() if traits <= other.traits]
    accepted = f"; model.family must be one of: {', '.join(fitting)}" if fitting else ""
    return f"{block} needs {', '.join(missing)}, which models of family {family} lack{accepted}"
