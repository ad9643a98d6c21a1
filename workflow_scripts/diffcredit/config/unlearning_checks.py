"""Checks of the section `unlearning` against approaches, behaviors and training images."""

import math
from pathlib import Path

from diffcredit.config import classes, names
from diffcredit.config.counts import (
    known_classes,
    known_contributors,
    known_names,
    known_training_images,
)
from diffcredit.config.messages import choices, problem
from diffcredit.config.schema import Config
from diffcredit.config.unlearning import (
    ABOUT_APPROACHES,
    JUDGED,
    REMOVE,
    Cluster,
    Unlearning,
)
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS, OBJECTIVES

KEY = "unlearning"


def unlearning_problems(config: Config, base: Path) -> list[str]:
    """A message for each key of the section that cannot be fulfilled."""
    settings = config.unlearning
    if settings is None:
        return []
    return [
        *_removal_problems(config, settings, base),
        *_approach_problems(config, settings),
        *_stepless_problems(config, settings),
        *_behavior_problems(config, settings),
        *_column_problems(config),
    ]


def _removal_problems(config: Config, settings: Unlearning, base: Path) -> list[str]:
    removal = settings.remove
    if len(removal.named) != 1:
        accepted = f"must have exactly one of: {', '.join(type(removal).model_fields)}"
        return [problem(REMOVE, removal.model_dump(exclude_none=True), accepted)]
    if removal.cluster is not None:
        return _cluster_problems(config, removal.cluster, base)
    if removal.images is not None:
        return _image_problems(config, removal.images, base)
    if removal.contributor is not None:
        return _contributor_problems(config, removal.contributor, base)
    if removal.label is not None:
        labels, classes = config.data.labels, DATASETS[config.data.source.name].classes
        known = len(labels) if labels else len(classes) or None
        if known == 1:
            accepted = (
                "this is the only class, and nothing is left to retain: keep more data.labels"
            )
            return [problem(f"{REMOVE}.label", removal.label, accepted)]
        return _label_problems(config, removal.label, base)
    return []


def _label_problems(config: Config, label: int | str, base: Path) -> list[str]:
    """The classes of a table are known to the job alone, which runs before any training."""
    known = known_classes(config.data, base)
    if not known:
        return []
    try:
        kept = classes.kept_names(config.data.labels, known)
    except UserError:
        return []  # Told of data.labels.
    try:
        names.find([names.of_key(f"{REMOVE}.label", label)], kept, "class")
    except UserError as error:
        return [f"  {error}"]
    return []


def _image_problems(config: Config, images: list[int | str], base: Path) -> list[str]:
    """Whether images have such names is known to the job alone, which runs before any training."""
    key = f"{REMOVE}.images"
    if len(set(images)) < len(images):
        return [problem(key, images, "names an image twice")]
    known = known_training_images(config.data, base)
    if known is not None and len(images) >= known:
        accepted = f"{len(images)} images are all {known}; some must be left to retain"
        return [problem(key, images, f"{accepted}: fewer", f"{key}: [0]")]
    numbers = [image for image in images if isinstance(image, int)]
    return _range_problems(key, max(numbers, default=0), known, "images of the training set")


def _contributor_problems(config: Config, named: int | str, base: Path) -> list[str]:
    """Those whom a table names are known to the job alone, which runs before any training."""
    if known_contributors(config.data, base) == 1:
        accepted = "this is the only contributor, and nothing is left to retain"
        hint = "data.contributors: 2"
        return [problem(f"{REMOVE}.contributor", named, accepted, hint)]
    try:
        if (owners := known_names(config.data, base)) is not None:
            names.find([names.of_key(f"{REMOVE}.contributor", named)], owners, "contributor")
    except UserError as error:
        return [f"  {error}"]
    if isinstance(named, int) and config.data.contributors == "image":
        known = known_contributors(config.data, base)
        return _range_problems(f"{REMOVE}.contributor", named, known, "contributors")
    return []


def _range_problems(key: str, number: int, count: int | None, what: str) -> list[str]:
    if count is None or number < count:
        return []
    return [problem(key, number, f"must be one of the {count} {what}, 0 to {count - 1}")]


def _cluster_problems(config: Config, cluster: Cluster, base: Path) -> list[str]:
    key, name = f"{REMOVE}.cluster", cluster.extractor
    if name in config.extractors:
        found = config.extractors[name].missing(f"extractors.{name}", False, base)
    else:
        found = [problem(f"{key}.extractor", name, choices(name, config.extractors, "extractors"))]
    if cluster.number >= cluster.clusters:
        accepted = f"must be below {key}.clusters = {cluster.clusters}"
        found.append(problem(f"{key}.number", cluster.number, accepted))
    if cluster.clusters > config.sampling.images:
        accepted = f"must not exceed sampling.images = {config.sampling.images}"
        found.append(problem(f"{key}.clusters", cluster.clusters, accepted))
    return found


def _approach_problems(config: Config, settings: Unlearning) -> list[str]:
    found = []
    for name in settings.approaches:
        found += _start_problems(config, f"{KEY}.approaches", name, "full")
    if settings.retrain is not None:
        found += _start_problems(config, f"{KEY}.retrain", settings.retrain, "scratch")
    if len(set(settings.approaches)) < len(settings.approaches):
        found.append(problem(f"{KEY}.approaches", settings.approaches, "names an entry twice"))
    return found


def _stepless_problems(config: Config, settings: Unlearning) -> list[str]:
    """A message about a ga_ratio that leaves no step for few removed images."""
    removed = len(settings.remove.images or ())
    found = []
    for name in settings.approaches:
        approach = config.approaches.get(name)
        objective = approach.objective if approach else None
        option = OBJECTIVES[objective.name].steps_option if objective else ""
        ratio = getattr(objective, option) if option else None
        if ratio is None or not removed:
            continue
        batches = math.ceil(removed / config.training_of(f"approaches.{name}").batch_size)
        if ratio > batches:
            accepted = (
                f"leaves no step of a pass over the {removed} removed images, whose number of "
                f"batches is {batches}; must be at most {batches}"
            )
            found.append(problem(f"approaches.{name}.objective.{option}", ratio, accepted))
    return found


def _start_problems(config: Config, key: str, name: str, start: str) -> list[str]:
    if name not in config.approaches:
        fitting = [n for n, entry in config.approaches.items() if entry.start == start]
        known = choices(name, fitting) if fitting else f"no entry of approaches has start {start}"
        return [problem(key, name, known)]
    own = config.approaches[name].start
    if own == start:
        return []
    return [problem(key, name, f"approaches.{name}.start = {own!r}; must be {start}")]


def _behavior_problems(config: Config, settings: Unlearning) -> list[str]:
    found = [
        problem(f"{KEY}.{role}", name, choices(name, config.behaviors, "behaviors"))
        for role in ("quality", "forgetting")
        if (name := getattr(settings, role)) not in config.behaviors
    ]
    if found:
        return found
    directed = [name for name, behavior in config.behaviors.items() if behavior.better]
    for role in ("quality", "forgetting"):
        if (name := getattr(settings, role)) not in directed:
            accepted = f"neither more nor less of it is better; {choices(name, directed)}"
            return [problem(f"{KEY}.{role}", name, accepted)]
    forgetting = config.behaviors[settings.forgetting]
    if forgetting.query_images != "removed":
        fitting = [n for n, b in config.behaviors.items() if b.query_images == "removed"]
        known = choices(settings.forgetting, fitting) if fitting else "there is none"
        accepted = f"must be a behavior of removed images; {known}"
        return [problem(f"{KEY}.forgetting", settings.forgetting, accepted)]
    if config.behaviors[settings.quality].query_images == "removed":
        accepted = "tells of the removed images; must be another behavior"
        return [problem(f"{KEY}.quality", settings.quality, accepted)]
    if settings.until is not None and forgetting.of != "model":
        accepted = (
            f"{forgetting.measure.name} needs samples; a training ends early by a measure of the "
            "model itself"
        )
        return [problem(f"{KEY}.until", settings.until, accepted)]
    return []


def _column_problems(config: Config) -> list[str]:
    """Messages about behaviors with a name of another column of the table of outcomes."""
    columns = dict.fromkeys((*ABOUT_APPROACHES, *JUDGED), "one of its own")
    columns |= {
        f"{name}_{end}": f"the interval of behavior {name}"
        for name in config.behaviors
        for end in ("low", "high")
    }
    return [
        f"  behaviors.{name}: the table of outcomes has this column, {columns[name]}; "
        "choose another name"
        for name in config.behaviors
        if name in columns
    ]
