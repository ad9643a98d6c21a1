"""How many coalitions, contributors and images there are, where the data or a file says so."""

from pathlib import Path

from diffcredit.config import classes
from diffcredit.config.data import INJECTED, Data, Injected
from diffcredit.config.messages import problem
from diffcredit.config.options import build
from diffcredit.config.schema import Config
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS, DISTRIBUTIONS

#: Fewest coalitions whose ranks say anything.
LEAST_TO_RANK = 3


def rank_problems(config: Config, key: str, value: str) -> list[str]:
    """Coalitions that a key names for an LDS must differ, or there is nothing to rank."""
    entry = config.distribution_of(value)
    if entry is not None and DISTRIBUTIONS[entry.distribution].endpoint:
        accepted = "models of everybody, or of nobody, are all alike; accepted: other coalitions"
        return [problem(key, value, accepted)]
    count = None if config.records or entry is None else entry.count
    if count is not None and count < LEAST_TO_RANK:
        accepted = f"the ranks of {key} = {value!r} need {LEAST_TO_RANK} coalitions or more"
        return [problem(f"coalitions.{value.split('/')[1]}.count", count, accepted)]
    return []


def counted(config: Config, base: Path) -> Config:
    """The configuration with every count filled in; it has no count problems."""
    known = known_contributors(config.data, base)
    entries = config.coalitions.items()
    filled = {name: entry.counted(known, base) for name, entry in entries}
    return config.model_copy(update={"coalitions": filled})


def known_contributors(data: Data, base: Path) -> int | None:
    """Number of contributors with the injected one, where `known_owners` is known."""
    owners = known_owners(data, base)
    if owners is None or data.injected is None:
        return owners
    # An image that is its own contributor goes where it is injected.
    moved = data.contributors == "image" and injected_file(data.injected, base) is None
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
    return len(known_classes(data, base)) or None


def known_classes(data: Data, base: Path) -> list[str]:
    """Names of all classes, where the source or its folder tells them; none where it does not."""
    return build(DATASETS, data.source).known_classes(data, base)


def dealt_names(count: int) -> list[str]:
    """Names of contributors whom images are dealt to."""
    return [f"contributor {number:02d}" for number in range(count)]


def known_names(data: Data, base: Path) -> list[str] | None:
    """Names of the contributors with the injected one, where configuration or folders tell them.

    Raises:
        UserError: where a label is unknown.
    """
    if isinstance(data.contributors, int):
        owners = dealt_names(data.contributors)
    elif data.contributors in ("label", "subfolder") and (names := known_classes(data, base)):
        owners = classes.kept_names(data.labels, names)
    else:
        return None
    return owners if data.injected is None else [*owners, INJECTED]


def known_training_images(data: Data, base: Path) -> int | None:
    """Size of the training set with the copies of an injected image, where it is known."""
    known = known_images(data)
    if known is None or data.injected is None:
        return known
    # An image of the training set goes where its copies are.
    return known - (injected_file(data.injected, base) is None) + data.injected.copies


def injected_file(injected: Injected, base: Path) -> Path | None:
    """The image file that is injected; None where it is one of the training images."""
    if isinstance(injected.image, int):
        return None
    path = base / Path(injected.image).expanduser()
    return path if path.is_file() else None


def known_images(data: Data) -> int | None:
    """Number of images to train on, where the configuration or the source tells it."""
    there = known_total(data)
    if data.images is not None or there is None:
        return data.images
    return there - data.held_out


def known_total(data: Data) -> int | None:
    """Number of images of the classes that are kept, where the source tells it."""
    entry = DATASETS[data.source.name]
    if not entry.sizes:
        return None
    try:
        return sum(entry.sizes[n] for n in classes.kept(data.labels, entry.classes).numbers)
    except UserError:  # Told elsewhere.
        return None
