"""How many coalitions, contributors and images there are, where the data or a file says so."""

from pathlib import Path
from typing import Any

from diffcredit.config import classes, lists
from diffcredit.config.messages import problem
from diffcredit.config.schema import (
    INJECTED,
    AddOneIn,
    Config,
    CsvContributors,
    Data,
    LeaveOneOut,
    Listed,
)
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS

#: Fewest coalitions whose ranks say anything.
LEAST_TO_RANK = 3


def count_problems(config: Config, base: Path) -> list[str]:
    """One line for each distribution whose count is unknown, or contradicts data or file."""
    found = []
    known = known_contributors(config.data, base)
    for name, entry in config.coalitions.items():
        key = f"coalitions.{name}"
        if isinstance(entry, LeaveOneOut | AddOneIn):
            if entry.count is None and known is None:
                found.append(
                    f"  {key}.count is missing: data.contributors = "
                    f"{config.data.contributors!r} does not tell the number of contributors"
                )
            elif entry.count is not None and known not in (None, entry.count):
                found.append(
                    problem(
                        f"{key}.count",
                        entry.count,
                        f"must be the number of contributors, {known}; it may be left out",
                    )
                )
        elif isinstance(entry, Listed):
            found += _list_problems(key, entry, base)
    return found


def rank_problems(config: Config, key: str, value: str) -> list[str]:
    """Coalitions that a key names for an LDS must differ, or there is nothing to rank."""
    entry = config.drawn(value)
    if entry is not None and entry.distribution in ("full", "none"):
        accepted = "models of everybody, or of nobody, are all alike; accepted: other coalitions"
        return [problem(key, value, accepted)]
    count = None if config.records else getattr(entry, "count", None)
    if count is not None and count < LEAST_TO_RANK:
        accepted = f"the ranks of {key} = {value!r} need {LEAST_TO_RANK} coalitions or more"
        return [problem(f"coalitions.{value.split('/')[1]}.count", count, accepted)]
    return []


def counted(config: Config, base: Path) -> Config:
    """The configuration with every count filled in; it has no count problems."""
    known = known_contributors(config.data, base)
    filled: dict[str, Any] = {}
    for name, entry in config.coalitions.items():
        if isinstance(entry, LeaveOneOut | AddOneIn) and entry.count is None:
            entry = entry.model_copy(update={"count": known})
        elif isinstance(entry, Listed) and entry.count is None:
            listed = len(lists.read(base / entry.path).coalitions)
            entry = entry.model_copy(update={"count": listed})
        filled[name] = entry
    return config.model_copy(update={"coalitions": filled})


def known_contributors(data: Data, base: Path) -> int | None:
    """Number of contributors with the injected one, where `known_owners` is known."""
    owners = known_owners(data, base)
    if owners is None or data.injected is None:
        return owners
    # An image that is its own contributor goes where it is injected.
    moved = data.contributors == "image" and isinstance(data.injected.image, int)
    return owners if moved else owners + 1


def known_owners(data: Data, base: Path) -> int | None:
    """Number of contributors before one is injected.

    It is known where the configuration or the folder's subfolders tell it.
    """
    if isinstance(data.contributors, int):
        return data.contributors
    if data.contributors == "image":
        return known_images(data)
    # The others are the classes.
    if data.labels is not None:
        return len(data.labels)
    if names := DATASETS[data.source].classes:
        return len(names)
    if data.path is None or isinstance(data.contributors, CsvContributors):
        return None
    folder = base / Path(data.path).expanduser()
    return len(subfolders(folder)) if folder.is_dir() else None


def dealt_names(count: int) -> list[str]:
    """Names of contributors whom images are dealt to."""
    return [f"contributor {number:02d}" for number in range(count)]


def known_names(data: Data) -> list[str] | None:
    """Names of the contributors with the injected one, where the configuration tells them.

    Raises:
        UserError: where a label is unknown.
    """
    names = DATASETS[data.source].classes
    if isinstance(data.contributors, int):
        owners = dealt_names(data.contributors)
    elif data.contributors == "label" and names:
        owners = [names[number] for number in classes.numbers(data.labels, names)]
    else:
        return None
    return owners if data.injected is None else [*owners, INJECTED]


def known_training_images(data: Data) -> int | None:
    """Size of the training set with the copies of an injected image, where it is known."""
    known = known_images(data)
    if known is None or data.injected is None:
        return known
    # An image of the training set goes where its copies are.
    return known - isinstance(data.injected.image, int) + data.injected.copies


def known_images(data: Data) -> int | None:
    """Number of images to train on, where the configuration or the source tells it."""
    total = DATASETS[data.source].images
    if data.images is not None or data.labels is not None or total is None:
        return data.images
    return total - data.held_out


def subfolders(folder: Path) -> list[Path]:
    """Those that hold a contributor's images each; hidden ones do not."""
    return [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]


def _list_problems(key: str, entry: Listed, base: Path) -> list[str]:
    try:
        listed = len(lists.read(base / entry.path).coalitions)
    except UserError as error:
        return [problem(f"{key}.path", entry.path, str(error))]
    if entry.count is not None and entry.count > listed:
        return [problem(f"{key}.count", entry.count, f"{entry.path} lists {listed} coalitions")]
    return []
