"""Unlearning of images from a trained model: models at regular steps, for several seeds."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from diffcredit.errors import UserError
from diffcredit.models import checkpoints
from diffcredit.models.examples import Examples
from diffcredit.registry import OBJECTIVES, build
from diffcredit.steps import model_name, seed_and_step
from diffcredit.training.make_model import OutputPaths, make_model, model_facts
from diffcredit.training.recipe import Checkpoint, Recipe, Run, Snapshots, Stop


@dataclass(frozen=True)
class Split:
    """The retained and the removed images.

    Attributes:
        retained: images to keep.
        removed: images to unlearn, 1 or more.
    """

    retained: Examples
    removed: Examples


@dataclass(frozen=True)
class Output:
    """The models to save, and their paths.

    Attributes:
        folder: of the models, named by `steps.model_name`.
        every: steps between saved models; None for the last one only.
        stop: early-stopping rule; None to make all steps.
        checkpoint_steps: steps between checkpoints.
    """

    folder: Path
    every: int | None
    stop: Stop | None
    checkpoint_steps: int


def unlearn(
    split: Split,
    recipe: Recipe,
    number: int,
    seed: int,
    accelerator: Accelerator,
    output: Output,
    label: str,
) -> None:
    """Make the models of one unlearning run.

    Models of an interrupted run are kept if they come from the same inputs.

    Args:
        split: the retained and the removed images.
        recipe: how the models are made.
        number: of the training seed; it is in the names of the models.
        seed: of everything random.
        accelerator: from `make_accelerator`.
        output: the models to save, and their paths.
        label: names the training in messages.

    Raises:
        UserError: if the objective has 0 steps.
    """
    objective = build(OBJECTIVES, recipe.objective)
    removed = split.removed if objective.uses_removed else None
    steps = recipe.count_steps(objective, removed)
    run = Run(recipe, label, recipe.begin(seed), split.retained, removed, steps, seed)
    if steps == 0:
        raise _no_step(run)
    facts, folder = model_facts(number), output.folder
    on_the_way = range(output.every, steps, output.every) if output.every else ()
    names = {step: model_name(number, step) for step in on_the_way}
    paths = OutputPaths(
        folder / model_name(number, steps),
        Checkpoint(folder / "checkpoint.safetensors", output.checkpoint_steps),
        Snapshots(folder, names, output.stop, facts),
    )
    made = make_model(run, objective, accelerator, paths, facts)
    if made is not None:
        kept = {step for step in names if step < made.steps} | {made.steps}
        _clear(folder, lambda seed, step: seed != number or step not in kept)


def _no_step(run: Run) -> UserError:
    assert run.removed is not None
    objective, images = run.recipe.objective, len(run.removed)
    batches = math.ceil(images / run.recipe.training.batch_size)
    option = OBJECTIVES[objective["name"]].steps_option
    return UserError(
        f"{run.label}: objective.{option} = {objective[option]} leaves no step of a pass over "
        f"{images} images, which is {batches} batches; accepted: at most {batches}"
    )


def _clear(folder: Path, stale: Callable[[int, int], bool]) -> None:
    """Remove models, by seed and step, of an interrupted run with other settings."""
    for path in checkpoints.folders(folder):
        if stale(*seed_and_step(int(path.name))):
            shutil.rmtree(path)
