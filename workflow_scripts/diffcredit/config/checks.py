"""Checks of keys of the configuration against each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffcredit.config.approaches import approach_problems
from diffcredit.config.attribution_checks import (
    attribution_problems,
    few_records,
    fitted_problems,
)
from diffcredit.config.behavior_checks import behavior_problems
from diffcredit.config.coalition_checks import alike_problems, coalition_problems
from diffcredit.config.counts import LEAST_TO_RANK, rank_problems
from diffcredit.config.data_checks import data_problems
from diffcredit.config.evaluation import COUNTERFACTUAL, REGENERATED
from diffcredit.config.evaluation_checks import counterfactual_problems, regenerated_problems
from diffcredit.config.machine import device_problems
from diffcredit.config.messages import choices, problem
from diffcredit.config.options import Options
from diffcredit.config.places import missing_file
from diffcredit.config.records import RECORDS, Records
from diffcredit.config.schema import Config
from diffcredit.config.score_checks import score_problems
from diffcredit.config.sections import Section
from diffcredit.config.step_checks import (
    image_count_problems,
    warmup_problems,
)
from diffcredit.config.traits import trait_problems
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.config.unlearning_checks import unlearning_problems
from diffcredit.config.until import until_problems


def problems(config: Config, base: Path) -> list[str]:
    """A message for each key that contradicts another key or a file."""
    if config.records:
        found = [
            *_nothing_attributed(config),
            *_record_problems(config.records, base),
            *_names(config, base),
        ]
        return found or few_records(config, config.records, base)
    return [
        *_empty_sections(config),
        *_option_problems(config, base),
        *trait_problems(config),
        *([] if config.unlearning else _nothing_attributed(config)),
        *_untested(config),
        *_training_problems(config),
        *_sampling_problems(config),
        *config.model.pretrained_problems(config, base),
        *data_problems(config, base),
        *approach_problems(config, base),
        *coalition_problems(config, base),
        *warmup_problems(config),
        *image_count_problems(config, base),
        *device_problems(config),
        *behavior_problems(config, base),
        *score_problems(config, _made(config), base),
        *unlearning_problems(config, base),
        *_names(config, base),
    ]


def _option_problems(config: Config, base: Path) -> list[str]:
    """Messages of building blocks about other keys."""
    return [line for key, options in _named(config) for line in options.problems(key, config, base)]


def _named(value: Any, key: str = "") -> Iterator[tuple[str, Options]]:
    """The options of every building block below a key, with the keys of each."""
    if isinstance(value, Options):
        yield key, value
    keys = value if isinstance(value, dict) else {}
    if isinstance(value, Section):
        keys = {name: getattr(value, name) for name in type(value).model_fields}
    for name, part in keys.items():
        yield from _named(part, f"{key}.{name}" if key else name)


def _empty_sections(config: Config) -> list[str]:
    return [
        f"  {section} is empty: it needs an entry, or the run {other}"
        for section, other in (
            ("coalitions", "records or unlearning"),
            ("approaches", "records"),
            ("behaviors", "records"),
        )
        if not getattr(config, section) and not (section == "coalitions" and config.unlearning)
    ]


def _nothing_attributed(config: Config) -> list[str]:
    return [] if config.attributed else ["  attributions is empty: name one"]


def _untested(config: Config) -> list[str]:
    if config.evaluation.lds or not config.attributed:
        return []
    return ["  evaluation.lds is null: attributions need test models; name truth"]


def _record_problems(records: Records, base: Path) -> list[str]:
    return [
        problem(f"records.tables.{name}.path", table.path, missing)
        for name, table in records.tables.items()
        if (missing := missing_file(base / table.path))
    ] + [
        problem("records.better", name, choices(name, records.behaviors))
        for name in records.better
        if name not in records.behaviors
    ]


def _sampling_problems(config: Config) -> list[str]:
    if config.sampling.steps <= config.model.timesteps:
        return []
    accepted = f"must not exceed model.timesteps = {config.model.timesteps}"
    return [problem("sampling.steps", config.sampling.steps, accepted)]


def _training_problems(config: Config) -> list[str]:
    """Messages about batch sizes that are not divisible by the number of parts."""
    settings = {"training": config.training}
    settings |= {
        f"{place}.training": config.training_of(place)
        for place, recipe in config.recipes.items()
        if recipe.training
    }
    return [
        problem(
            f"{key}.gradient_accumulation",
            training.gradient_accumulation,
            f"must divide half of {key}.batch_size = {training.batch_size}",
        )
        for key, training in settings.items()
        if (training.batch_size // 2) % training.gradient_accumulation
    ]


def _made(config: Config) -> list[str]:
    """Every approach/coalitions whose models are made, or recorded."""
    made = [f"{a}/{c}" for a, approach in config.approaches.items() for c in approach.coalitions]
    return made + [f"{RECORDS}/{n}" for n in (config.records.tables if config.records else ())]


def _names(config: Config, base: Path) -> list[str]:
    """Messages about references to missing entries, and about test coalitions used in a fit."""
    found = []
    made = _made(config)
    for name, approach in config.approaches.items():
        for coalition in approach.coalitions:
            if coalition not in config.coalitions:
                found.append(
                    problem(
                        f"approaches.{name}.coalitions",
                        coalition,
                        choices(coalition, config.coalitions, "coalitions"),
                    )
                )
    found += [
        f"  coalitions.{taken}: this name is taken; choose another one"
        for taken in (COUNTERFACTUAL, REGENERATED, UNLEARNING)
        if taken in config.coalitions
    ]
    found += [
        f"  approaches.{taken}: this name is taken; choose another one"
        for taken in (RECORDS, PRETRAINED)
        if taken in config.approaches
    ]
    truth = config.evaluation.truth
    references = {"evaluation.lds.truth": truth} if truth else {}
    if counterfactual := config.evaluation.counterfactual:
        references["evaluation.counterfactual.full"] = counterfactual.full
        found += counterfactual_problems(config, counterfactual)
    if regenerated := config.evaluation.regenerated:
        found += regenerated_problems(config, regenerated, base)
    for name, attribution in config.removal_attributions.items():
        references |= {
            f"attributions.{name}.{role}": value
            for role in ("values", "full", "none", "corrections")
            if (value := getattr(attribution, role)) is not None
        }
    found += [
        problem(
            key,
            value,
            f"no such models are made; {choices(value, made, 'approaches')}",
            "approaches.<approach>.coalitions says which coalitions an approach makes",
        )
        for key, value in references.items()
        if value not in made
    ]
    for name, attribution in config.removal_attributions.items():
        found += fitted_problems(config, f"attributions.{name}", attribution)
    if found:
        return found
    for name, entry in config.coalitions.items():
        found += until_problems(config, name, getattr(entry, "until", None))
    if truth:
        found += rank_problems(config, "evaluation.lds.truth", truth)
        found += alike_problems(config, base, "evaluation.lds.truth", truth, LEAST_TO_RANK)
    return found + attribution_problems(config, made)
