"""Checks of behaviors against extractors, sampling and files."""

from collections.abc import Mapping
from pathlib import Path

from diffcredit import folders
from diffcredit.config.behaviors import Behavior, QueryFolder
from diffcredit.config.counts import known_training_images
from diffcredit.config.messages import choices, problem
from diffcredit.config.places import missing_folder
from diffcredit.config.schema import Config
from diffcredit.registry import EXTRACTORS, MEASURES

#: Descriptions of the kinds of query images.
WHICH = {"train": "trained on", "retained": "retained"}


def behavior_problems(config: Config, base: Path) -> list[str]:
    """A message for each behavior that cannot be measured."""
    found = []
    for name, behavior in config.behaviors.items():
        key = f"behaviors.{name}.measure"
        found += _extractor_problems(config, name, behavior)
        found += _query_problems(config, name, behavior, base)
        if isinstance(behavior.query_images, QueryFolder):
            found += _folder_problems(key, behavior.queries, behavior.query_images, base)
    return [*found, *_weight_problems(config, base)]


def _extractor_problems(config: Config, name: str, behavior: Behavior) -> list[str]:
    key, measure = f"behaviors.{name}.extractor", behavior.measure.name
    needs = MEASURES[measure].needs
    if needs is None:
        if behavior.extractor is None:
            return []
        return [problem(key, behavior.extractor, f"{measure} uses no extractor; leave it out")]
    kinds = [kind for kind, entry in EXTRACTORS.items() if needs in entry.gives]
    entry = config.extractors.get(behavior.sees or "")
    if entry is not None and entry.kind in kinds:
        return []
    fitting = [n for n, extractor in config.extractors.items() if extractor.kind in kinds]
    if not kinds:
        given = sorted({what for entry in EXTRACTORS.values() for what in entry.gives})
        accepted = f"no extractor gives {needs}, which it needs; they give {', '.join(given)}"
        return [problem(f"behaviors.{name}.measure", measure, accepted)]
    accepted = f"{measure} needs an entry of extractors of kind {' or '.join(kinds)}"
    if fitting:
        accepted += f"; {choices(behavior.extractor, fitting)}"
    return [problem(key, behavior.extractor, accepted)]


def _query_problems(config: Config, name: str, behavior: Behavior, base: Path) -> list[str]:
    """Messages about too few query images."""
    key, requested = f"behaviors.{name}.measure", behavior.queries
    there = {
        "generated": ("sampling.images", config.sampling.images),
        "held_out": ("data.held_out", config.data.held_out),
    }
    found = []
    which = behavior.query_images
    if isinstance(which, str) and which in there:
        of, count = there[which]
        if requested > count:
            accepted = f"must not exceed {of} = {count}"
            found.append(problem(f"{key}.queries", requested, accepted))
    known = known_training_images(config.data, base)
    if known is not None:
        found += too_few_queries({name: behavior}, {"train": known})
    if which in ("removed", "retained") and config.unlearning is None:
        accepted = "the section unlearning, which removes them, is missing"
        found.append(problem(f"{key}.images", which, accepted))
    return found


def too_few_queries(behaviors: Mapping[str, Behavior], there: Mapping[str, int]) -> list[str]:
    """A message for each behavior with more queries than there are images.

    Args:
        behaviors: by name.
        there: number of images of each kind, such as "train".
    """
    found = []
    for name, behavior in behaviors.items():
        which = behavior.query_images
        requested = behavior.queries
        if isinstance(which, str) and which in there and requested > there[which]:
            accepted = f"must not exceed the {there[which]} images that are {WHICH[which]}"
            found.append(problem(f"behaviors.{name}.measure.queries", requested, accepted))
    return found


def _folder_problems(key: str, queries: int, images: QueryFolder, base: Path) -> list[str]:
    folder = base / Path(images.folder).expanduser()
    if missing := missing_folder(folder):
        return [problem(f"{key}.images.folder", images.folder, missing)]
    there = folders.fewer_files(folder, queries)
    if there is None:
        return []
    if there == 0:
        accepted = "must hold images; it has no files"
        return [problem(f"{key}.images.folder", images.folder, accepted)]
    accepted = f"must not exceed the {there} files in {images.folder}"
    return [problem(f"{key}.queries", queries, accepted)]


def _weight_problems(config: Config, base: Path) -> list[str]:
    """Messages about missing files of extractors, before any training."""
    used = {b.sees for b in config.behaviors.values()}
    speaking = {
        b.sees for b in config.behaviors.values() if MEASURES[b.measure.name].needs == "texts"
    }
    return [
        line
        for name, extractor in config.extractors.items()
        if name in used
        for line in extractor.missing(f"extractors.{name}", name in speaking, base)
    ]
