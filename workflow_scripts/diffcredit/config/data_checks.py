"""Checks of the section `data` against the source and its files."""

import re
from pathlib import Path

from diffcredit.config import classes
from diffcredit.config.counts import (
    injected_file,
    known_classes,
    known_images,
    known_owners,
    known_total,
)
from diffcredit.config.data import CsvContributors, Data
from diffcredit.config.messages import problem, shown
from diffcredit.config.options import build
from diffcredit.config.places import missing_folder
from diffcredit.config.schema import Config
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS, EXTRACTORS
from diffcredit.text import clean

COLORS = {1: "gray", 3: "in color"}


def data_problems(config: Config, base: Path) -> list[str]:
    """A message for each key of the data that cannot be fulfilled."""
    data = config.data
    return [
        *_source_problems(data),
        *_folder_problems(config, base),
        *_label_problems(config, base),
        *_image_problems(data),
        *_contributor_problems(data, base),
        *_injected_problems(data, base),
    ]


def _source_problems(data: Data) -> list[str]:
    """Messages about keys that contradict the source."""
    source, entry = data.source.name, DATASETS[data.source.name]
    found = []
    if not entry.folder and data.path is not None:
        accepted = f"must be null: the {source} come with a package"
        found.append(problem("data.path", data.path, accepted))
    by_files = data.contributors == "subfolder" or isinstance(data.contributors, CsvContributors)
    if entry.classes and by_files:
        accepted = f"no files of {source} say whose they are; accepted: a number, label or image"
        found.append(problem("data.contributors", data.contributors, accepted))
    if entry.channels not in (None, data.channels):
        accepted = f"the images of {source} are {COLORS[entry.channels]}: {entry.channels}"
        found.append(problem("data.channels", data.channels, accepted))
    return found


def _folder_problems(config: Config, base: Path) -> list[str]:
    """Messages about missing folders and files; their content is checked by the job."""
    data, source = config.data, build(DATASETS, config.data.source)
    if source.folder:
        if data.path is None:
            return [f"  data.path is missing: source {data.source.name} needs a folder of images"]
        folder = base / Path(data.path).expanduser()
        if missing := missing_folder(folder):
            return [problem("data.path", data.path, missing)]
        try:
            source.check(folder, ["train", "test"] if data.held_out else ["train"])
        except (UserError, OSError) as error:
            return [f"  {error}"]
    return []


def _label_problems(config: Config, base: Path) -> list[str]:
    """The classes exist, where it is known which there are, and are enough to tell apart."""
    data, names = config.data, known_classes(config.data, base)
    if data.labels is not None and names:
        try:
            classes.kept(data.labels, names)
        except UserError as error:
            return [f"  {error}"]
    if data.labels is None or len(data.labels) != 1 or not (accepted := needs_classes(config)):
        return []
    return [problem("data.labels", data.labels, accepted, ANOTHER_EXTRACTOR)]


#: What to do where images of one class are classified.
ANOTHER_EXTRACTOR = "name another extractor for them, such as pixels"


def needs_classes(config: Config) -> str:
    """What behaviors need of the classes for the classifier; "" if it is not used."""
    classified = [
        name
        for name, behavior in config.behaviors.items()
        if (entry := config.extractors.get(behavior.sees or ""))
        and EXTRACTORS[entry.kind].trained_by_run
    ]
    if not classified:
        return ""
    return f"the classifier that measures {', '.join(classified)} needs 2 classes or more"


def _image_problems(data: Data) -> list[str]:
    """Messages about too few images, if their number is known."""
    total = known_total(data)
    if total is None or data.held_out + (data.images or 1) <= total:
        return []
    if data.held_out >= total:
        accepted = f"must leave some of the {total} images of {data.source.name} to train on"
        return [problem("data.held_out", data.held_out, accepted)]
    held_out = f", data.held_out = {data.held_out} of which are held out" if data.held_out else ""
    there = f"{data.source.name} has {total}"
    accepted = f"must not exceed {total - data.held_out}: {there}{held_out}"
    return [problem("data.images", data.images, accepted)]


def _contributor_problems(data: Data, base: Path) -> list[str]:
    """Messages about too few contributors to plant, or too few images for them."""
    known = known_owners(data, base)
    if not known:
        return []
    found = []
    contributors = f"the {known} contributors (data.contributors = {shown(data.contributors)})"
    if data.planted.contributors > known:
        key = "data.planted.contributors"
        found.append(problem(key, data.planted.contributors, f"must not exceed {contributors}"))
    there = known_images(data)
    if data.images is not None and data.images < known:
        found.append(problem("data.images", data.images, f"must not be fewer than {contributors}"))
    elif there is not None and 0 < there < known:
        accepted = f"must not exceed the {there} images to train on"
        found.append(problem("data.contributors", data.contributors, accepted))
    return found


def _may_be_trained_on(image: str, data: Data, base: Path) -> bool:
    """Whether an image of the source may have the name."""
    if not DATASETS[data.source.name].named_by_files:
        return re.fullmatch("image [0-9]+", clean(image)) is not None
    return data.path is not None and (base / Path(data.path).expanduser() / image).is_file()


def _injected_problems(data: Data, base: Path) -> list[str]:
    """Messages about an injected image that does not exist."""
    if data.injected is None:
        return []
    image, known = data.injected.image, known_images(data)
    if isinstance(image, str):
        if injected_file(data.injected, base) or _may_be_trained_on(image, data, base):
            return []
        accepted = "must be an existing file, or the name or the number of a training image"
        return [problem("data.injected.image", image, accepted)]
    if known is None or image < known:
        return []
    accepted = f"must be below the {known} training images, which are numbered from 0"
    return [problem("data.injected.image", image, accepted)]
