"""What behaviors ask of extractors, of sampling and of files."""

from pathlib import Path

from diffcredit.config import weights
from diffcredit.config.behaviors import (
    AestheticMeasure,
    Behavior,
    LossMeasure,
    NeighborMeasure,
    PairMeasure,
    QueryFolder,
    QueryMeasure,
    ReconstructionMeasure,
)
from diffcredit.config.messages import choices, problem
from diffcredit.config.schema import Config
from diffcredit.registry import EXTRACTORS, MEASURES

# Half of the window of the structural similarity, by which images are padded with their mirror.
SSIM_MARGIN = 5


def behavior_problems(config: Config, base: Path) -> list[str]:
    """One line for each behavior that cannot be measured."""
    found = []
    for name, behavior in config.behaviors.items():
        found += _extractor_problems(config, name, behavior)
        found += _range_problems(config, name, behavior)
        measure = behavior.measure
        if isinstance(measure, AestheticMeasure):
            found += weights.missing_head(name, measure, base)
        if isinstance(measure, QueryMeasure) and isinstance(measure.images, QueryFolder):
            found += _folder_problems(name, measure.images, base)
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


def _range_problems(config: Config, name: str, behavior: Behavior) -> list[str]:
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
    if behavior.query_images in ("removed", "retained") and config.unlearning is None:
        accepted = "the section unlearning, which removes them, is missing"
        found.append(problem(f"{key}.images", behavior.query_images, accepted))
    levels = config.model.timesteps
    if isinstance(measure, ReconstructionMeasure):
        found += _reconstruction_problems(key, measure, levels)
    if isinstance(measure, LossMeasure):
        found += _level_problems(f"{key}.timesteps", measure.timesteps, levels)
    side = config.data.image_size
    if measure.name == "ssim" and side <= SSIM_MARGIN:
        accepted = f"needs images of {SSIM_MARGIN + 1} pixels or more; data.image_size = {side}"
        found.append(problem(key, measure.name, accepted))
    return found


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


def _folder_problems(name: str, images: QueryFolder, base: Path) -> list[str]:
    if (base / Path(images.folder).expanduser()).is_dir():
        return []
    key = f"behaviors.{name}.measure.images.folder"
    return [problem(key, images.folder, "must be an existing folder")]


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
