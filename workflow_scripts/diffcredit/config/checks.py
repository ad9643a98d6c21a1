"""What one key of the configuration asks of another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffcredit.config.approaches import approach_problems
from diffcredit.config.behavior_checks import behavior_problems
from diffcredit.config.coalition_checks import alike_problems, coalition_problems
from diffcredit.config.counts import (
    LEAST_TO_RANK,
    count_problems,
    known_contributors,
    rank_problems,
)
from diffcredit.config.data_checks import data_problems
from diffcredit.config.machine import device_problems
from diffcredit.config.messages import choices, problem, shown
from diffcredit.config.places import missing_file
from diffcredit.config.pretrained import pretrained_problems
from diffcredit.config.ratios import accepted_ratios, fraction_problem, largest_ratio, of_model
from diffcredit.config.recorded import has_coalitions
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
from diffcredit.config.step_checks import (
    image_count_problems,
    level_problems,
    warmup_problems,
)
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.config.unlearning_checks import unlearning_problems
from diffcredit.errors import UserError
from diffcredit.registry import ESTIMATORS

#: Fewest coalitions that a regression is fitted on.
LEAST_TO_FIT = 3


def problems(config: Config, base: Path) -> list[str]:
    """One line for each key that contradicts another, or the files that it names."""
    if config.records:
        found = [
            *_nothing_attributed(config),
            *_record_problems(config.records, base),
            *_names(config, base),
        ]
        return found or _few_records(config, config.records, base)
    return [
        *_empty_sections(config),
        *([] if config.unlearning else _nothing_attributed(config)),
        *_untested(config),
        *_model_problems(config),
        *pretrained_problems(config, base),
        *data_problems(config, base),
        *approach_problems(config),
        *count_problems(config, base),
        *coalition_problems(config, base),
        *_pair_problems(config),
        *level_problems(config),
        *warmup_problems(config),
        *image_count_problems(config, base),
        *device_problems(config),
        *behavior_problems(config, base),
        *score_problems(config, _made(config), base),
        *unlearning_problems(config, base),
        *_names(config, base),
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
        problem(f"records.tables.{name}.path", table.path, missing)
        for name, table in records.tables.items()
        if (missing := missing_file(base / table.path))
    ] + [
        problem("records.better", name, choices(name, records.behaviors))
        for name in records.better
        if name not in records.behaviors
    ]


def _ratio_problems(config: Config) -> list[str]:
    """A ratio that would leave a norm group without a channel."""
    model, pruned = config.model, config.pruned
    least = min(model.channels)
    if pruned.target == "channels":
        if pruned.ratio <= largest_ratio(least, model.norm_groups):
            return []
        accepted = (
            f"each of {model.norm_groups} norm groups must keep a channel of {least}; "
            f"accepted: {accepted_ratios(least, model.norm_groups)}"
        )
        return [problem("pruned.ratio", pruned.ratio, accepted)]
    refused = fraction_problem(of_model(model, config.data), pruned.target, pruned.ratio)
    return [problem("pruned.ratio", pruned.ratio, refused)] if refused else []


def _few_records(config: Config, records: Records, base: Path) -> list[str]:
    """Tables whose coalitions are too few to be ranked, or to be fitted on."""
    asked = {"evaluation.lds.truth": (config.evaluation.truth, LEAST_TO_RANK)}
    asked |= {
        f"attributions.{name}.{role}": (getattr(entry, role), LEAST_TO_FIT)
        for name, entry in config.attributions.items()
        if ESTIMATORS[entry.estimator].distribution is None
        for role in ("values", "corrections")
    }
    found = []
    for key, (reference, least) in asked.items():
        if reference is None:
            continue
        name = _coalitions(reference)
        table = records.tables[name]
        path = base / table.path
        try:
            enough = has_coalitions(path, table.where, least)
        except (UserError, TypeError):
            continue  # The job that reads all of it says what is wrong.
        if not enough:
            accepted = (
                f"{key} = {reference!r} needs records of {least} different coalitions or more"
            )
            where = shown(table.where)
            hint = f"check records.tables.{name}.where = {where}, or name another table"
            found.append(problem(f"records.tables.{name}.path", table.path, accepted, hint))
    return found


def _model_problems(config: Config) -> list[str]:
    model = config.model
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
    if config.full.pretrained is None and not found:
        found += _ratio_problems(config)
    for width, attends in zip(model.channels, model.attention, strict=False):
        if attends and model.head_dim != "channels" and width % model.head_dim:
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
    found += _training_problems(config)
    if config.sampling.steps > model.timesteps:
        found.append(
            problem(
                "sampling.steps",
                config.sampling.steps,
                f"must not exceed model.timesteps = {model.timesteps}",
            )
        )
    return found


def _training_problems(config: Config) -> list[str]:
    """A batch must fall into its parts, of all models and of those of an approach."""
    settings = {"training": config.training}
    settings |= {
        f"approaches.{name}.training": config.training_of(name)
        for name, approach in config.approaches.items()
        if approach.training
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


def _pair_problems(config: Config) -> list[str]:
    return [
        problem(
            f"coalitions.{name}.balanced",
            entry.balanced,
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


def _names(config: Config, base: Path) -> list[str]:
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
        found += _counterfactual_names(config, counterfactual)
    if regenerated := config.evaluation.regenerated:
        found += _regenerated_problems(config, regenerated, base)
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
            f"no such models are made; {choices(value, made, 'approaches')}",
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
        found += alike_problems(config, base, "evaluation.lds.truth", truth, LEAST_TO_RANK)
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
        known = choices(until.behavior, config.behaviors, "behaviors")
        return [problem(f"{key}.behavior", until.behavior, known)]
    fitted = [k for k, a in config.attributions.items() if a.values.split("/")[1] == name]
    if until.attribution not in fitted:
        known = choices(until.attribution, fitted, "attributions")
        accepted = f"must be fitted on these coalitions; {known}"
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


def _regenerated_problems(config: Config, settings: Regenerated, base: Path) -> list[str]:
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
