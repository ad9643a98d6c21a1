"""Checks of scores of images against gradients, extractors, behaviors and coalitions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diffcredit.config.attributions import ScoreAttribution
from diffcredit.config.counts import rank_problems
from diffcredit.config.gradients import Gradients
from diffcredit.config.messages import choices, problem
from diffcredit.config.schema import Config
from diffcredit.registry import SCORES


@dataclass(frozen=True)
class MethodInput:
    """The kind of input of a method.

    Attributes:
        field: key of an entry that names the input.
        needed: description of the input, for messages.
        problems: returns messages about the input.
    """

    field: str
    needed: str
    problems: Callable[[Config, str, ScoreAttribution, Path], list[str]]


def score_problems(config: Config, made: list[str], base: Path) -> list[str]:
    """One line for each wrong key of gradients and scores; ``made`` are approach/coalitions."""
    found = []
    if config.full.snapshots > config.full.steps:
        accepted = f"must not exceed full.steps = {config.full.steps}"
        found.append(problem("full.snapshots", config.full.snapshots, accepted))
    for name, gradients in config.gradients.items():
        found += _gradient_problems(config, f"gradients.{name}", gradients)
    for name, score in config.score_attributions.items():
        key = f"attributions.{name}"
        found += _source_problems(config, key, score, base)
        found += _behavior_problems(config, key, score)
        found += _damping_problems(config, key, score, made)
    return found


def _gradient_problems(config: Config, key: str, gradients: Gradients) -> list[str]:
    levels = config.model.timesteps
    found = []
    if gradients.timesteps > levels:
        accepted = f"must not exceed model.timesteps = {levels}"
        found.append(problem(f"{key}.timesteps", gradients.timesteps, accepted))
    elif gradients.at == "uniform" and levels % gradients.timesteps:
        accepted = f"must divide model.timesteps = {levels}, or at: cumulative"
        found.append(problem(f"{key}.timesteps", gradients.timesteps, accepted))
    for field in ("models", "snapshots"):
        there = getattr(config.full, field)
        if getattr(gradients, field) > there:
            accepted = f"must not exceed full.{field} = {there}"
            found.append(problem(f"{key}.{field}", getattr(gradients, field), accepted))
    return [*found, *_dimension_problems(config, f"{key}.dimensions", gradients.dimensions)]


def _dimension_problems(config: Config, key: str, dimensions: int | str) -> list[str]:
    """No gradient has more numbers than the network has parameters."""
    network = config.model.network(config.data)
    if not isinstance(dimensions, int) or config.full.pretrained or network is None:
        return []
    parameters = network.parameters
    if dimensions <= parameters:
        return []
    accepted = f"must not exceed the {parameters} parameters of the network, which are all of them"
    return [problem(key, dimensions, accepted, f"{key}: all")]


def _source_problems(config: Config, key: str, score: ScoreAttribution, base: Path) -> list[str]:
    """Messages about a missing input of a method, or about other inputs."""
    source = SOURCES[SCORES[score.method.name].made_of]
    fields = {other.field for other in SOURCES.values() if other.field}
    found = [
        problem(
            f"{key}.{field}",
            getattr(score, field),
            f"{score.method.name} does not use it; leave it out",
        )
        for field in sorted(fields - {source.field})
        if getattr(score, field) is not None
    ]
    if source.field and getattr(score, source.field) is None:
        missing = f"  {key}.{source.field} is missing: {score.method.name} needs {source.needed}"
        return [*found, missing]
    return [*found, *source.problems(config, key, score, base)]


def _gradients_of(config: Config, key: str, score: ScoreAttribution, base: Path) -> list[str]:
    name = str(score.gradients)
    if name not in config.gradients:
        return [problem(f"{key}.gradients", name, choices(name, config.gradients, "gradients"))]
    gradients, function = config.gradients[name], SCORES[score.method.name].function
    if function is None or gradients.function.name == function:
        return []
    accepted = f"must be {function}: {score.method.name} is of the {function}"
    return [problem(f"gradients.{name}.function", gradients.function.name, accepted)]


def _extractor_of(config: Config, key: str, score: ScoreAttribution, base: Path) -> list[str]:
    name = str(score.extractor)
    if name not in config.extractors:
        return [problem(f"{key}.extractor", name, choices(name, config.extractors, "extractors"))]
    return config.extractors[name].missing(f"extractors.{name}", False, base)


def _pixels_of(config: Config, key: str, score: ScoreAttribution, base: Path) -> list[str]:
    return []


_GRADIENTS = MethodInput("gradients", "an entry of gradients", _gradients_of)
#: By what a method is made of in the registry.
SOURCES = {
    "gradients": _GRADIENTS,
    "model": _GRADIENTS,
    "features": MethodInput("extractor", "an entry of extractors", _extractor_of),
    "pixels": MethodInput("", "", _pixels_of),
}


def _behavior_problems(config: Config, key: str, score: ScoreAttribution) -> list[str]:
    """Messages about behaviors without query images."""
    known = list(config.behaviors)
    found = [
        problem(f"{key}.behaviors", name, choices(name, known, "behaviors"))
        for name in score.behaviors
        if name not in config.behaviors
    ]
    if len(set(score.behaviors)) < len(score.behaviors):
        found.append(problem(f"{key}.behaviors", score.behaviors, "names an entry twice"))
    if found:
        return found
    queried = [name for name, behavior in config.behaviors.items() if behavior.queried]
    whole = [name for name in score.behaviors if name not in queried]
    if score.queries is not None and score.queries not in queried:
        accepted = (
            f"must be a behavior with a value for each query; {choices(score.queries, queried)}"
        )
        return [problem(f"{key}.queries", score.queries, accepted)]
    if whole and score.queries is None:
        return [
            f"  {key}.queries is missing: {whole[0]} has one value; name a behavior with queries, "
            f"over which scores are averaged: {', '.join(queried) or 'there is none'}"
        ]
    if not whole and score.queries is not None:
        accepted = "all behaviors have queries of their own; leave it out"
        return [problem(f"{key}.queries", score.queries, accepted)]
    if SCORES[score.method.name].trajectory:
        for name in [*(n for n in score.behaviors if n in queried), *filter(None, [score.queries])]:
            images = config.behaviors[name].query_images
            if images != "generated":
                accepted = f"{score.method.name} needs generated images, which have a trajectory"
                found.append(problem(f"behaviors.{name}.measure.images", images, accepted))
    return found


def _damping_problems(
    config: Config, key: str, score: ScoreAttribution, made: list[str]
) -> list[str]:
    if not SCORES[score.method.name].dampings:
        return [
            problem(f"{key}.{field}", getattr(score, field), f"{score.method.name} has no damping")
            for field in ("damping", "chosen_on")
            if getattr(score, field) is not None
        ]
    if score.chosen_on is None:
        if len(score.dampings) == 1:
            return []
        return [
            f"  {key}.chosen_on is missing: one of {len(score.dampings)} dampings is chosen on "
            f"coalitions other than evaluation.lds.truth = {config.evaluation.truth!r}\n"
            "    Hint: name approach/coalitions, or one damping"
        ]
    if score.chosen_on not in made:
        return [problem(f"{key}.chosen_on", score.chosen_on, choices(score.chosen_on, made))]
    truth = config.evaluation.truth
    if truth in made and config.origin(score.chosen_on) == config.origin(truth):
        accepted = "the LDS is reported on these coalitions; choose on others"
        return [problem(f"{key}.chosen_on", score.chosen_on, accepted)]
    return rank_problems(config, f"{key}.chosen_on", score.chosen_on)
