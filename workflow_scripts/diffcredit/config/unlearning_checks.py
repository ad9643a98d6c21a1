"""What unlearning asks of approaches, behaviors and the training images."""

from pathlib import Path

from diffcredit.config.counts import known_contributors, known_images
from diffcredit.config.messages import choices, problem
from diffcredit.config.schema import Config
from diffcredit.config.unlearning import Cluster, Unlearning
from diffcredit.registry import DATASETS

KEY = "unlearning"


def unlearning_problems(config: Config, base: Path) -> list[str]:
    """One line for each key of the section that cannot be done."""
    settings = config.unlearning
    if settings is None:
        return []
    return [
        *_removal_problems(config, settings, base),
        *_approach_problems(config, settings),
        *_behavior_problems(config, settings),
    ]


def _removal_problems(config: Config, settings: Unlearning, base: Path) -> list[str]:
    removal, key = settings.remove, f"{KEY}.remove"
    if len(removal.named) != 1:
        accepted = f"exactly one of: {', '.join(type(removal).model_fields)}"
        return [problem(key, removal.named, accepted)]
    if removal.cluster is not None:
        return _cluster_problems(config, removal.cluster)
    if removal.images is not None:
        return _image_problems(config, removal.images)
    if isinstance(removal.contributor, int):
        known = known_contributors(config.data, base)
        return _range_problems(f"{key}.contributor", removal.contributor, known, "contributors")
    if removal.label is not None:
        labels, classes = config.data.labels, DATASETS[config.data.source].classes
        known = len(labels) if labels else len(classes) or None
        return _range_problems(f"{key}.label", removal.label, known, "classes")
    return []


def _image_problems(config: Config, images: list[int]) -> list[str]:
    key = f"{KEY}.remove.images"
    if len(set(images)) < len(images):
        return [problem(key, images, "names an image twice")]
    known = known_images(config.data)
    return _range_problems(key, max(images), known, "images of the training set")


def _range_problems(key: str, number: int, count: int | None, what: str) -> list[str]:
    if count is None or 0 <= number < count:
        return []
    return [problem(key, number, f"must be one of the {count} {what}, 0 to {count - 1}")]


def _cluster_problems(config: Config, cluster: Cluster) -> list[str]:
    key = f"{KEY}.remove.cluster"
    found = []
    if cluster.extractor not in config.extractors:
        known = choices(cluster.extractor, list(config.extractors))
        found.append(problem(f"{key}.extractor", cluster.extractor, known))
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


def _start_problems(config: Config, key: str, name: str, start: str) -> list[str]:
    if name not in config.approaches:
        fitting = [n for n, entry in config.approaches.items() if entry.start == start]
        return [problem(key, name, choices(name, fitting))]
    own = config.approaches[name].start
    if own == start:
        return []
    return [problem(key, name, f"approaches.{name}.start = {own!r}; must be {start}")]


def _behavior_problems(config: Config, settings: Unlearning) -> list[str]:
    found = [
        problem(f"{KEY}.{role}", name, choices(name, list(config.behaviors)))
        for role in ("quality", "forgetting")
        if (name := getattr(settings, role)) not in config.behaviors
    ]
    if found:
        return found
    forgetting = config.behaviors[settings.forgetting]
    if forgetting.query_images != "removed":
        fitting = [n for n, b in config.behaviors.items() if b.query_images == "removed"]
        accepted = f"must be a behavior of removed images; {choices(settings.forgetting, fitting)}"
        return [problem(f"{KEY}.forgetting", settings.forgetting, accepted)]
    if settings.until is not None and forgetting.of != "model":
        accepted = (
            f"{forgetting.measure.name} needs samples; a training ends early by a measure of the "
            "model itself"
        )
        return [problem(f"{KEY}.until", settings.until, accepted)]
    return []
