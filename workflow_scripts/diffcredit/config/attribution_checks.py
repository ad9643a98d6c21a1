"""What attributions that are fitted on coalitions ask of these, and of each other."""

from pathlib import Path

from diffcredit.config.attributions import RemovalAttribution
from diffcredit.config.counts import LEAST_TO_RANK
from diffcredit.config.messages import problem, shown
from diffcredit.config.recorded import has_coalitions
from diffcredit.config.records import Records
from diffcredit.config.schema import Config
from diffcredit.errors import UserError
from diffcredit.registry import DISTRIBUTIONS, ESTIMATORS

#: Fewest coalitions that a regression is fitted on.
LEAST_TO_FIT = 3


def attribution_problems(config: Config, made: list[str]) -> list[str]:
    """One line for each key of an attribution whose names all exist; see `fitted_problems`."""
    found = []
    for name, attribution in config.removal_attributions.items():
        key = f"attributions.{name}"
        found += _endpoint_problems(config, key, attribution)
        found += _correction_problems(key, attribution, made)
        found += _test_problems(config, key, attribution)
    return found


def few_records(config: Config, records: Records, base: Path) -> list[str]:
    """Tables whose coalitions are too few to be ranked, or to be fitted on."""
    requested = {"evaluation.lds.truth": (config.evaluation.truth, LEAST_TO_RANK)}
    requested |= {
        f"attributions.{name}.{role}": (getattr(entry, role), LEAST_TO_FIT)
        for name, entry in config.removal_attributions.items()
        if ESTIMATORS[entry.method.name].distribution is None
        for role in ("values", "corrections")
    }
    found = []
    for key, (reference, least) in requested.items():
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


def _test_problems(config: Config, key: str, attribution: RemovalAttribution) -> list[str]:
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


def fitted_problems(config: Config, key: str, attribution: RemovalAttribution) -> list[str]:
    """The coalitions that an estimator is fitted on must be of a kind that it can use."""
    found = []
    wanted = ESTIMATORS[attribution.method.name].distribution
    for role in ("values", "corrections"):
        value = getattr(attribution, role)
        entry = config.distribution_of(value) if value else None
        if entry is None:
            continue
        if DISTRIBUTIONS[entry.distribution].endpoint:
            accepted = "everybody or nobody says nothing about contributors; accepted: others"
            found.append(problem(f"{key}.{role}", value, accepted))
        elif wanted and entry.distribution != wanted:
            accepted = f"{attribution.method.name} needs coalitions of distribution {wanted}"
            found.append(problem(f"{key}.{role}", value, accepted))
        elif wanted is None and not config.records and (entry.count or LEAST_TO_FIT) < LEAST_TO_FIT:
            accepted = f"{key} is fitted on them: {LEAST_TO_FIT} or more"
            found.append(problem(f"coalitions.{_coalitions(value)}.count", entry.count, accepted))
    return found


def _correction_problems(key: str, attribution: RemovalAttribution, made: list[str]) -> list[str]:
    """The few retrained coalitions of a two-level estimator, and their cheap counterparts."""
    value, estimator = attribution.corrections, attribution.method.name
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


def _endpoint_problems(config: Config, name: str, attribution: RemovalAttribution) -> list[str]:
    found = []
    for endpoint in ("full", "none"):
        value = getattr(attribution, endpoint)
        key = f"{name}.{endpoint}"
        entry = config.distribution_of(value) if value else None
        needed = endpoint in ESTIMATORS[attribution.method.name].endpoints
        if needed and value is None:
            found.append(f"  {key} is missing: {attribution.method.name} needs approach/coalitions")
        elif value is not None and not needed:
            found.append(
                problem(key, value, f"{attribution.method.name} does not use it; leave it out")
            )
        elif entry and DISTRIBUTIONS[entry.distribution].endpoint != endpoint:
            found.append(problem(key, value, f"must name coalitions of distribution {endpoint}"))
    return found


def _coalitions(reference: str) -> str:
    """The coalitions of approach/coalitions."""
    return reference.split("/")[1]
