"""Checks of coalitions against the number of contributors."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit.config.counts import known_contributors
from diffcredit.config.data import Data
from diffcredit.config.messages import choices, problem, shown
from diffcredit.config.schema import Config
from diffcredit.registry import DISTRIBUTIONS

if TYPE_CHECKING:
    from diffcredit.coalitions.distribution import DistributionOptions, Impossible

#: Number of jobs that Snakemake cannot plan any more.
MOST_SHARDS = 100_000
#: Most contributors whose coalitions are counted; of more there are enough of any distribution.
COUNTED = 64


def _shard_size_problems(config: Config) -> list[str]:
    """One line for each approach whose shards are impossible."""
    found, least = [], config.execution.shard_size
    for approach, size in config.execution.shard_sizes.items():
        key = f"execution.shard_sizes.{approach}"
        if approach not in config.approaches:
            found.append(
                problem("execution.shard_sizes", approach, choices(approach, config.approaches))
            )
        elif size % least:
            nearest = max(least, size - size % least)
            found.append(
                problem(
                    key,
                    size,
                    f"must be a multiple of execution.shard_size = {least}, such as {nearest}",
                )
            )
        else:
            made = config.approaches[approach].coalitions
            growing = [n for n in made if getattr(config.coalitions.get(n), "until", None)]
            if growing and size != least:
                found.append(
                    problem(
                        key,
                        size,
                        f"coalitions.{growing[0]} grow until enough, a shard at a time; "
                        f"must be {least}",
                    )
                )
    return found


def _seed_problems(config: Config) -> list[str]:
    """A message for each approach that makes too many jobs with its training seeds."""
    found = []
    for name, approach in config.approaches.items():
        size = config.execution.shard_sizes.get(name, config.execution.shard_size)
        for distribution, seeds in approach.coalitions.items():
            entry = config.coalitions.get(distribution)
            shards = math.ceil(((entry and entry.count) or 1) / size)
            if seeds * shards > MOST_SHARDS:
                key = f"approaches.{name}.coalitions.{distribution}"
                accepted = (
                    f"{seeds} training seeds of {shards} shards are more than {MOST_SHARDS} jobs; "
                    f"must be at most {MOST_SHARDS // shards}"
                )
                found.append(problem(key, seeds, accepted))
    return found


def coalition_problems(config: Config, base: Path) -> list[str]:
    """A message for each distribution that is impossible for the number of contributors."""
    found = [
        problem(
            f"coalitions.{name}.count",
            entry.count,
            f"makes more than {MOST_SHARDS} jobs of execution.shard_size = "
            f"{config.execution.shard_size}; must be at most "
            f"{MOST_SHARDS * config.execution.shard_size}",
        )
        for name, entry in config.coalitions.items()
        if entry.count is not None and entry.count > MOST_SHARDS * config.execution.shard_size
    ]
    found += [] if found else _seed_problems(config)
    found += _shard_size_problems(config)
    known = known_contributors(config.data, base)
    if not known:
        return found
    for name, entry in config.coalitions.items():
        if (wrong := impossible(entry, known)) is None:
            continue
        if wrong.key == "contributors":
            found.append(_too_few(config.data, known, f"coalitions.{name}: {wrong.accepted}"))
        else:
            key, value = f"coalitions.{name}.{wrong.key}", getattr(entry, wrong.key)
            found.append(problem(key, value, wrong.accepted, wrong.hint))
    if known < 2 and config.evaluation.counterfactual:
        accepted = "evaluation.counterfactual removes some of 2 contributors or more"
        found.append(_too_few(config.data, known, accepted))
    return found


def impossible(entry: "DistributionOptions", contributors: int) -> "Impossible | None":
    """Why a distribution is impossible for a number of contributors; None if it is possible."""
    return DISTRIBUTIONS[entry.distribution].of(entry).impossible(contributors)


def different(entry: "DistributionOptions", contributors: int) -> int | None:
    """Number of distinct coalitions of a distribution, besides the full and the empty one.

    Returns:
        Of very many contributors their number, a lower bound: the others are too long to compute.
        None where it is unknown, as of a list.
    """
    there = DISTRIBUTIONS[entry.distribution].of(entry).different(min(contributors, COUNTED))
    return contributors if there is not None and contributors > COUNTED else there


def alike_problems(config: Config, base: Path, key: str, reference: str, least: int) -> list[str]:
    """Coalitions that a key names cannot all be the same few."""
    entry, known = config.distribution_of(reference), known_contributors(config.data, base)
    dealt = isinstance(config.data.contributors, int)  # Of others the files decide.
    if config.records or entry is None or not (dealt and known) or impossible(entry, known):
        return []
    there = different(entry, known)
    if there is None or there >= least:
        return []
    accepted = (
        f"{key} = {reference!r} needs {least} different coalitions or more, and {known} "
        f"contributors have {there} of distribution {entry.distribution}"
    )
    hint = f"data.contributors: {least}"
    return [problem("data.contributors", config.data.contributors, accepted, hint)]


def _too_few(data: Data, known: int, accepted: str) -> str:
    if isinstance(data.contributors, int):
        # Of two there are too few different coalitions for ranks.
        return problem("data.contributors", data.contributors, accepted, "data.contributors: 3")
    there = f"data.contributors = {shown(data.contributors)} gives {known}"
    return problem("data.path", data.path, f"{accepted}; {there}")
