"""What one key of the configuration asks of another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffcredit.config.approaches import approach_problems
from diffcredit.config.behavior_checks import behavior_problems
from diffcredit.config.counts import count_problems, known_contributors, rank_problems
from diffcredit.config.data_checks import data_problems
from diffcredit.config.messages import choices, problem
from diffcredit.config.pretrained import pretrained_problems
from diffcredit.config.ratios import accepted_ratios, largest_ratio
from diffcredit.config.schema import (
    COUNTERFACTUAL,
    RECORDS,
    REGENERATED,
    Attribution,
    Config,
    Counterfactual,
    Records,
    Regenerated,
    Shapley,
    Until,
)
from diffcredit.config.score_checks import score_problems
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.config.unlearning_checks import unlearning_problems
from diffcredit.registry import ESTIMATORS

#: Fewest coalitions that a regression is fitted on.
LEAST_TO_FIT = 3


def problems(config: Config, base: Path) -> list[str]:
    """One line for each key that contradicts another, or the files that it names."""
    if config.records:
        problems_of_records = _record_problems(config.records, base)
        return [*_nothing_attributed(config), *problems_of_records, *_names(config)]
    return [
        *_empty_sections(config),
        *([] if config.unlearning else _nothing_attributed(config)),
        *_untested(config),
        *_model_problems(config),
        *pretrained_problems(config, base),
        *data_problems(config, base),
        *approach_problems(config),
        *count_problems(config, base),
        *_pair_problems(config),
        *behavior_problems(config, base),
        *score_problems(config, _made(config), base),
        *unlearning_problems(config, base),
        *_names(config),
    ]


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
    return [] if config.attributed else ["  attributions and scores are empty: name one"]


def _untested(config: Config) -> list[str]:
    if config.evaluation.lds or not config.attributed:
        return []
    return ["  evaluation.lds is null: attributions need test models; name truth"]


def _record_problems(records: Records, base: Path) -> list[str]:
    return [
        problem(f"records.tables.{name}.path", table.path, "must be an existing file")
        for name, table in records.tables.items()
        if not (base / table.path).is_file()
    ]


def _model_problems(config: Config) -> list[str]:
    model, training = config.model, config.training
    found = []
    if len(model.attention) != len(model.channels):
        found.append(
            problem(
                "model.attention",
                model.attention,
                f"needs one entry for each of model.channels = {model.channels}",
            )
        )
    for width in model.channels:
        if width % model.norm_groups:
            found.append(
                problem(
                    "model.norm_groups",
                    model.norm_groups,
                    f"must divide all of model.channels = {model.channels}",
                )
            )
            break
    least, pruned = min(model.channels), config.pruned
    of_model = config.full.pretrained is None and model.norm_groups <= least
    if of_model and pruned.ratio > largest_ratio(least, model.norm_groups):
        found.append(
            problem(
                "pruned.ratio",
                pruned.ratio,
                f"each of {model.norm_groups} norm groups must keep a channel of {least}; "
                f"accepted: {accepted_ratios(least, model.norm_groups)}",
            )
        )
    for width, attends in zip(model.channels, model.attention, strict=False):
        if attends and width % model.head_dim:
            found.append(
                problem(
                    "model.head_dim",
                    model.head_dim,
                    f"must divide the {width} channels of a resolution with attention",
                )
            )
    halvings = len(model.channels) - 1
    if config.data.image_size % 2**halvings:
        found.append(
            problem(
                "data.image_size",
                config.data.image_size,
                f"must be divisible by {2**halvings}: model.channels halves it {halvings} times",
            )
        )
    if (training.batch_size // 2) % training.gradient_accumulation:
        found.append(
            problem(
                "training.gradient_accumulation",
                training.gradient_accumulation,
                f"must divide half of training.batch_size = {training.batch_size}",
            )
        )
    if config.sampling.steps > model.timesteps:
        found.append(
            problem(
                "sampling.steps",
                config.sampling.steps,
                f"must not exceed model.timesteps = {model.timesteps}",
            )
        )
    return found


def _pair_problems(config: Config) -> list[str]:
    return [
        problem(
            f"coalitions.{name}.balanced",
            True,
            "it is pairs that are balanced: needs paired: true",
            "with paired: false set balanced: false, too; config.yaml has true",
        )
        for name, entry in config.coalitions.items()
        if isinstance(entry, Shapley) and entry.balanced and not entry.paired
    ]


def _made(config: Config) -> list[str]:
    """Every approach/coalitions whose models are made, or recorded."""
    made = [f"{a}/{c}" for a, approach in config.approaches.items() for c in approach.coalitions]
    return made + [f"{RECORDS}/{n}" for n in (config.records.tables if config.records else ())]


def _names(config: Config) -> list[str]:
    """Every name that refers to another entry must exist, and no score may see its own fit."""
    found = []
    made = _made(config)
    for name, approach in config.approaches.items():
        for coalition in approach.coalitions:
            if coalition not in config.coalitions:
                found.append(
                    problem(
                        f"approaches.{name}.coalitions",
                        coalition,
                        choices(coalition, list(config.coalitions)),
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
        found += _counterfactual_names(config, counterfactual)
    if regenerated := config.evaluation.regenerated:
        found += _regenerated_problems(config, regenerated)
    for name, attribution in config.attributions.items():
        references |= {
            f"attributions.{name}.{role}": value
            for role in ("values", "full", "none", "corrections")
            if (value := getattr(attribution, role)) is not None
        }
    found += [
        problem(
            key,
            value,
            f"no such models are made; {choices(value, made)}",
            "approaches.<approach>.coalitions says which coalitions an approach makes",
        )
        for key, value in references.items()
        if value not in made
    ]
    for name, attribution in config.attributions.items():
        found += _fitted_problems(config, f"attributions.{name}", attribution)
    if found:
        return found
    for name, entry in config.coalitions.items():
        found += _until_problems(config, name, getattr(entry, "until", None))
    if truth:
        found += rank_problems(config, "evaluation.lds.truth", truth)
    for name, attribution in config.attributions.items():
        key = f"attributions.{name}"
        found += _endpoint_problems(config, key, attribution)
        found += _correction_problems(key, attribution, made)
        found += _test_problems(config, key, attribution)
    return found


def _test_problems(config: Config, key: str, attribution: Attribution) -> list[str]:
    """No score may see its own fit."""
    tested = config.evaluation.truth
    return [
        problem(
            "evaluation.lds.truth",
            tested,
            f"{key} is fitted on these coalitions ({fitted})",
            "name other coalitions for one of the two; a new entry of coalitions draws anew",
        )
        for fitted in (attribution.values, attribution.corrections)
        if fitted and tested and config.origin(fitted) == config.origin(tested)
    ]


def _until_problems(config: Config, name: str, until: Until | None) -> list[str]:
    if until is None:
        return []
    key = f"coalitions.{name}.until"
    if until.standard_error is None and until.stability is None:
        return [f"  {key}: needs standard_error or stability"]
    if until.behavior not in config.behaviors:
        known = choices(until.behavior, list(config.behaviors))
        return [problem(f"{key}.behavior", until.behavior, known)]
    fitted = [k for k, a in config.attributions.items() if a.values.split("/")[1] == name]
    if until.attribution not in fitted:
        accepted = f"must be fitted on these coalitions; {choices(until.attribution, fitted)}"
        return [problem(f"{key}.attribution", until.attribution, accepted)]
    return []


def _counterfactual_names(config: Config, settings: Counterfactual) -> list[str]:
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
    entry, made_by = config.drawn(settings.full), settings.full.split("/")[0]
    if entry and entry.distribution != "full":
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
        if name in config.scores and behavior not in config.scores[name].behaviors
    ]


def _regenerated_problems(config: Config, settings: Regenerated) -> list[str]:
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
        queries = getattr(config.behaviors[name].measure, "queries", 0)
        if settings.queries > queries:
            accepted = f"must not exceed behaviors.{name}.measure.queries = {queries}"
            found.append(problem(f"{key}.queries", settings.queries, accepted))
    found += _unexplained(config, key, settings.attributions, [settings.behavior])
    found += _doubled(key, named)
    count = known_contributors(config.data, Path())
    if count is not None and settings.remove >= count:
        accepted = f"must be below the {count} contributors"
        found.append(problem(f"{key}.remove", settings.remove, accepted))
    return found


def _coalitions(reference: str) -> str:
    """The coalitions of approach/coalitions."""
    return reference.split("/")[1]


def _fitted_problems(config: Config, key: str, attribution: Attribution) -> list[str]:
    """The coalitions that an estimator is fitted on must be of a kind that it can use."""
    found = []
    wanted = ESTIMATORS[attribution.estimator].distribution
    for role in ("values", "corrections"):
        value = getattr(attribution, role)
        entry = config.drawn(value) if value else None
        if entry is None:
            continue
        if entry.distribution in ("full", "none"):
            accepted = "everybody or nobody says nothing about contributors; accepted: others"
            found.append(problem(f"{key}.{role}", value, accepted))
        elif wanted and entry.distribution != wanted:
            accepted = f"{attribution.estimator} needs coalitions of distribution {wanted}"
            found.append(problem(f"{key}.{role}", value, accepted))
        elif wanted is None and not config.records and (entry.count or LEAST_TO_FIT) < LEAST_TO_FIT:
            accepted = f"{key} is fitted on them: {LEAST_TO_FIT} or more"
            found.append(problem(f"coalitions.{_coalitions(value)}.count", entry.count, accepted))
    return found


def _correction_problems(key: str, attribution: Attribution, made: list[str]) -> list[str]:
    """The few retrained coalitions of a two-level estimator, and their cheap counterparts."""
    value, estimator = attribution.corrections, attribution.estimator
    if not ESTIMATORS[estimator].corrections:
        unused = problem(f"{key}.corrections", value, f"{estimator} does not use it; leave it out")
        return [unused] if value is not None else []
    if value is None:
        return [f"  {key}.corrections is missing: {estimator} needs approach/coalitions"]
    cheap = attribution.values.split("/")[0]
    if value.split("/")[0] == cheap:
        accepted = f"must be of another approach than values = {attribution.values!r}"
        return [problem(f"{key}.corrections", value, accepted)]
    found = []
    if attribution.full is not None and attribution.full.split("/")[0] != cheap:
        accepted = f"must be of the approach of values = {attribution.values!r}"
        found.append(problem(f"{key}.full", attribution.full, accepted))
    found += [
        problem(
            f"{key}.corrections",
            value,
            f"needs {reference}, too, which is not made",
            f"add {_coalitions(reference)} to approaches.{reference.split('/')[0]}.coalitions",
        )
        for role, reference in attribution.references.items()
        if role in ("cheap", "exact_full") and reference not in made
    ]
    return found


def _endpoint_problems(config: Config, name: str, attribution: Attribution) -> list[str]:
    found = []
    for endpoint in ("full", "none"):
        value = getattr(attribution, endpoint)
        key = f"{name}.{endpoint}"
        entry = config.drawn(value) if value else None
        needed = endpoint in ESTIMATORS[attribution.estimator].endpoints
        if needed and value is None:
            found.append(f"  {key} is missing: {attribution.estimator} needs approach/coalitions")
        elif value is not None and not needed:
            found.append(
                problem(key, value, f"{attribution.estimator} does not use it; leave it out")
            )
        elif entry and entry.distribution != endpoint:
            found.append(problem(key, value, f"must name coalitions of distribution {endpoint}"))
    return found
