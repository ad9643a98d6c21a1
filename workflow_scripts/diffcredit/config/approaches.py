"""Checks of an approach: start, objective, parameters and steps must fit together."""

from pathlib import Path

from diffcredit.config.messages import problem
from diffcredit.config.schema import Approach, Config
from diffcredit.config.traits import lacking
from diffcredit.registry import OBJECTIVES, PARAMETERS, PRUNERS


def approach_problems(config: Config, base: Path) -> list[str]:
    """A message for each key of an approach that contradicts another one."""
    found = _objectives_on_all_images(config)
    for name, approach in config.approaches.items():
        key = f"approaches.{name}"
        if approach.start == "pruned" and (reason := _unprunable(config)):
            found.append(problem(f"{key}.start", approach.start, f"{reason}; accepted: others"))
        found += _start_problems(key, approach)
        if OBJECTIVES[approach.objective.name].loops:
            found += _loop_problems(key, approach)
        else:
            found += _closed_form_problems(key, approach)
    return found


def _objectives_on_all_images(config: Config) -> list[str]:
    """Messages about objectives that need removed images, for models of all images."""
    fitting = [name for name, kind in OBJECTIVES.items() if kind.loops and not kind.uses_removed]
    found = [
        problem(
            f"{place}.objective",
            objective,
            f"no image is removed there; accepted: {', '.join(fitting)}",
        )
        for place in ("full", "pruned")
        if (objective := config.recipes[place].objective.name) not in fitting
    ]
    if not PARAMETERS[config.full.parameters.name].complete:
        accepted = f"it is trained from scratch; accepted: {_complete()}"
        found.append(problem("full.parameters", config.full.parameters.name, accepted))
    return found


def _complete() -> str:
    return " or ".join(name for name, kind in PARAMETERS.items() if kind.complete)


def _unprunable(config: Config) -> str | None:
    """Why there can be no pruned model; pretrained models have their own message."""
    pruner = config.pruned.pruner.name
    if told := lacking(config.model.family, pruner, PRUNERS[pruner].requires):
        return told
    return None if config.full.pretrained else config.model.unprunable


def _start_problems(key: str, approach: Approach) -> list[str]:
    objective = approach.objective.name
    accepted = OBJECTIVES[objective].starts
    if approach.start not in accepted:
        reason = f"{objective} unlearns from a trained network; accepted: {' or '.join(accepted)}"
    elif approach.start == "scratch" and not PARAMETERS[approach.parameters.name].complete:
        reason = "adapters change a trained network; accepted: full or pruned"
    else:
        return []
    return [problem(f"{key}.start", approach.start, reason)]


def _closed_form_problems(key: str, approach: Approach) -> list[str]:
    objective = approach.objective.name
    found = [
        problem(f"{key}.{name}", value, f"{objective} is one computed step; leave it out")
        for name in ("steps", "learning_rate")
        if (value := getattr(approach, name)) is not None
    ]
    if not PARAMETERS[approach.parameters.name].complete:
        found.append(
            problem(
                f"{key}.parameters",
                approach.parameters.name,
                f"{objective} moves all; accepted: {_complete()}",
            )
        )
    return found


def _loop_problems(key: str, approach: Approach) -> list[str]:
    found = []
    option = OBJECTIVES[approach.objective.name].steps_option
    given = getattr(approach.objective, option) if option else None
    if approach.steps is None and given is None:
        other = f"; or objective.{option} instead" if option else ""
        found.append(f"  {key}.steps is missing: training steps, 1 or more{other}")
    elif approach.steps is not None and given is not None:
        reason = f"objective.{option} = {given} gives the steps; leave one of the two out"
        found.append(problem(f"{key}.steps", approach.steps, reason))
    if approach.learning_rate is None:
        found.append(f"  {key}.learning_rate is missing: a number above 0")
    return found
