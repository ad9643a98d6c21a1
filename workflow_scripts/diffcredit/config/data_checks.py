"""What the keys of the data ask of the source, of its files and of each other."""

from pathlib import Path

from diffcredit.config import classes
from diffcredit.config.counts import known_images, known_owners, subfolders
from diffcredit.config.messages import problem
from diffcredit.config.schema import Config, CsvContributors, Data
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS

COLORS = {1: "gray", 3: "in color"}


def data_problems(config: Config, base: Path) -> list[str]:
    """One line for each key of the data that asks for what there is not."""
    data = config.data
    return [
        *_source_problems(data),
        *_folder_problems(data, base),
        *_label_problems(config),
        *_image_problems(data),
        *_contributor_problems(data, base),
        *_injected_problems(data, base),
    ]


def _source_problems(data: Data) -> list[str]:
    """What is fixed by the source."""
    source, entry = data.source, DATASETS[data.source]
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


def _folder_problems(data: Data, base: Path) -> list[str]:
    """The folder, and what the contributors ask of it."""
    if not DATASETS[data.source].folder:
        return []
    if data.path is None:
        return [f"  data.path is missing: source {data.source} needs a folder of images"]
    folder = base / Path(data.path).expanduser()
    if not folder.is_dir():
        return [problem("data.path", data.path, "must be an existing folder")]
    if isinstance(data.contributors, CsvContributors):
        if not (folder / data.contributors.csv).is_file():
            accepted = f"must be a file in data.path = {data.path}"
            return [problem("data.contributors.csv", data.contributors.csv, accepted)]
    elif data.contributors == "subfolder" and not subfolders(folder):
        return [problem("data.path", data.path, "has no subfolders; contributors: subfolder needs")]
    return []


def _label_problems(config: Config) -> list[str]:
    """The classes exist, where the source says which there are, and are enough to tell apart."""
    labels, names = config.data.labels, DATASETS[config.data.source].classes
    if labels is None:
        return []
    if names:
        try:
            classes.numbers(labels, names)
        except UserError as error:
            return [f"  {error}"]
    classified = [
        name
        for name, behavior in config.behaviors.items()
        if (entry := config.extractors.get(behavior.sees or "")) and entry.kind == "classifier"
    ]
    if len(labels) == 1 and classified:
        accepted = f"the classifier that measures {', '.join(classified)} needs 2 classes or more"
        return [problem("data.labels", labels, accepted, "name another extractor for them")]
    return []


def _image_problems(data: Data) -> list[str]:
    """There are so many images, where the source says how many."""
    total = DATASETS[data.source].images
    if total is None or data.held_out + (data.images or 1) <= total:
        return []
    if data.held_out >= total:
        accepted = f"must leave some of the {total} images of {data.source} to train on"
        return [problem("data.held_out", data.held_out, accepted)]
    held_out = f", data.held_out = {data.held_out} of which are held out" if data.held_out else ""
    accepted = f"must not exceed {total - data.held_out}: {data.source} has {total}{held_out}"
    return [problem("data.images", data.images, accepted)]


def _contributor_problems(data: Data, base: Path) -> list[str]:
    """There are enough contributors to plant, and an image for each."""
    known = known_owners(data, base)
    if not known:
        return []
    found = []
    contributors = f"the {known} contributors (data.contributors = {data.contributors!r})"
    if data.planted.contributors > known:
        key = "data.planted.contributors"
        found.append(problem(key, data.planted.contributors, f"must not exceed {contributors}"))
    if data.images is not None and data.images < known:
        found.append(problem("data.images", data.images, f"must not be fewer than {contributors}"))
    return found


def _injected_problems(data: Data, base: Path) -> list[str]:
    """The injected image is one of the training images, or a file."""
    if data.injected is None:
        return []
    image, known = data.injected.image, known_images(data)
    if isinstance(image, str):
        missing = not (base / Path(image).expanduser()).is_file()
        accepted = "must be an existing file, or the number of a training image"
        return [problem("data.injected.image", image, accepted)] if missing else []
    if known is None or image < known:
        return []
    accepted = f"must be below the {known} training images, which are numbered from 0"
    return [problem("data.injected.image", image, accepted)]
