"""What behaviors ask of extractors, of sampling and of files."""

from collections.abc import Mapping
from pathlib import Path

from diffcredit import folders
from diffcredit.config import weights
from diffcredit.config.behaviors import (
    SSIM_WINDOWS,
    AestheticMeasure,
    Behavior,
    InceptionScoreMeasure,
    LossMeasure,
    NeighborMeasure,
    PairMeasure,
    QueryFolder,
    QueryMeasure,
    ReconstructionMeasure,
    SsimMeasure,
)
from diffcredit.config.counts import known_training_images
from diffcredit.config.messages import choices, problem
from diffcredit.config.places import missing_folder
from diffcredit.config.schema import Config
from diffcredit.registry import EXTRACTORS, MEASURES

#: What query images are, in words.
WHICH = {"train": "trained on", "retained": "retained"}


def behavior_problems(config: Config, base: Path) -> list[str]:
    """One line for each behavior that cannot be measured."""
    found = []
    for name, behavior in config.behaviors.items():
        found += _extractor_problems(config, name, behavior)
        found += _range_problems(config, name, behavior, base)
        measure = behavior.measure
        if isinstance(measure, AestheticMeasure):
            found += weights.missing_head(name, measure, base)
        if isinstance(measure, QueryMeasure) and isinstance(measure.images, QueryFolder):
            found += _folder_problems(name, measure, measure.images, base)
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
    accepted = f"{measure} needs an entry of extractors of kind {' or '.join(kinds)}"
    if fitting:
        accepted += f"; {choices(behavior.extractor, fitting)}"
    return [problem(key, behavior.extractor, accepted)]


def _range_problems(config: Config, name: str, behavior: Behavior, base: Path) -> list[str]:
    measure, images = behavior.measure, config.sampling.images
    key = f"behaviors.{name}.measure"
    found = []
    asked = measure.queries if isinstance(measure, PairMeasure | QueryMeasure) else 0
    if behavior.query_images == "generated" and asked > images:
        accepted = f"must not exceed sampling.images = {images}"
        found.append(problem(f"{key}.queries", asked, accepted))
    if isinstance(measure, NeighborMeasure) and measure.k >= images:
        found.append(problem(f"{key}.k", measure.k, f"must be below sampling.images = {images}"))
    held_out = config.data.held_out
    if behavior.query_images == "held_out" and asked > held_out:
        accepted = f"must not exceed data.held_out = {held_out}"
        found.append(problem(f"{key}.queries", asked, accepted))
    known = known_training_images(config.data, base)
    if known is not None:
        found += too_few_queries({name: behavior}, {"train": known})
    if behavior.query_images in ("removed", "retained") and config.unlearning is None:
        accepted = "the section unlearning, which removes them, is missing"
        found.append(problem(f"{key}.images", behavior.query_images, accepted))
    levels = config.model.timesteps
    if isinstance(measure, ReconstructionMeasure):
        found += _reconstruction_problems(key, measure, levels)
    if isinstance(measure, LossMeasure):
        found += _level_problems(f"{key}.timesteps", measure.timesteps, levels)
    if isinstance(measure, SsimMeasure):
        found += _window_problems(key, measure, config.data.image_size)
    if isinstance(measure, InceptionScoreMeasure) and 2 * measure.splits > max(images, 2):
        accepted = (
            f"each needs 2 of sampling.images = {images}; accepted: 1 to {max(images // 2, 1)}"
        )
        found.append(problem(f"{key}.splits", measure.splits, accepted))
    return found


def too_few_queries(behaviors: Mapping[str, Behavior], there: Mapping[str, int]) -> list[str]:
    """One line for each behavior that asks for more query images than there are.

    Args:
        behaviors: by name.
        there: how many images there are of those that behaviors name, as "train".
    """
    found = []
    for name, behavior in behaviors.items():
        which = behavior.query_images
        asked = getattr(behavior.measure, "queries", 0)
        if isinstance(which, str) and which in there and asked > there[which]:
            accepted = f"must not exceed the {there[which]} images that are {WHICH[which]}"
            found.append(problem(f"behaviors.{name}.measure.queries", asked, accepted))
    return found


def _window_problems(key: str, measure: SsimMeasure, side: int) -> list[str]:
    least = SSIM_WINDOWS[measure.window]
    if side >= least:
        return []
    fitting = [name for name, needed in SSIM_WINDOWS.items() if side >= needed]
    accepted = f"needs images of {least} pixels or more; data.image_size = {side}"
    hint = f"window: {fitting[0]} takes them" if fitting else "mse, nrmse or similarity take them"
    return [problem(f"{key}.window", measure.window, accepted, hint)]


def _reconstruction_problems(key: str, measure: ReconstructionMeasure, levels: int) -> list[str]:
    found = []
    if measure.timestep >= levels:
        accepted = f"must be below model.timesteps = {levels}"
        found.append(problem(f"{key}.timestep", measure.timestep, accepted))
    if measure.steps > levels:
        accepted = f"must not exceed model.timesteps = {levels}"
        found.append(problem(f"{key}.steps", measure.steps, accepted))
    return found


def _level_problems(key: str, asked: int | tuple[int, ...] | None, levels: int) -> list[str]:
    """What is wrong with a number of noise levels, or with those of a list."""
    if isinstance(asked, tuple):
        beyond = [level for level in asked if level >= levels]
        accepted = f"must be below model.timesteps = {levels}"
        return [problem(key, beyond, accepted)] if beyond else []
    if asked is None or asked <= levels:
        return []
    return [problem(key, asked, f"must not exceed model.timesteps = {levels}")]


def _folder_problems(
    name: str, measure: QueryMeasure, images: QueryFolder, base: Path
) -> list[str]:
    folder, key = base / Path(images.folder).expanduser(), f"behaviors.{name}.measure"
    if missing := missing_folder(folder):
        return [problem(f"{key}.images.folder", images.folder, missing)]
    there = folders.fewer_files(folder, measure.queries)
    if there is None:
        return []
    if there == 0:
        accepted = "must hold images; it has no files"
        return [problem(f"{key}.images.folder", images.folder, accepted)]
    accepted = f"must not exceed the {there} files in {images.folder}"
    return [problem(f"{key}.queries", measure.queries, accepted)]


def _weight_problems(config: Config, base: Path) -> list[str]:
    """Files that the extractors in use need: they are looked for before anything is trained."""
    used = {b.sees for b in config.behaviors.values()}
    speaking = {
        b.sees for b in config.behaviors.values() if MEASURES[b.measure.name].needs == "texts"
    }
    return [
        line
        for name, extractor in config.extractors.items()
        if name in used
        for line in weights.missing(name, extractor, name in speaking, base)
    ]
