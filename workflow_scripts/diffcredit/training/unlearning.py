"""Unlearning of images from a trained model: models at regular steps, for several seeds."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from diffcredit.errors import UserError
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.examples import Examples
from diffcredit.registry import OBJECTIVES, build
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
        folder: of the models, each named by its step.
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
        number: of the training seed.
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
    names = {step: model_name(step) for step in on_the_way}
    paths = OutputPaths(
        folder / model_name(steps),
        Checkpoint(folder / "checkpoint.safetensors", output.checkpoint_steps),
        Snapshots(folder, names, output.stop, facts),
    )
    made = make_model(run, objective, accelerator, paths, facts)
    if made is not None:
        _clear(
            folder, {names[step] for step in names if step < made.steps} | {model_name(made.steps)}
        )


def write_pretrained(full: Trained, folder: Path) -> None:
    """Write the full model as the model before any step of unlearning."""
    facts = {**model_facts(training_seed=0), "step": 0, "seconds": 0.0, "loss": None}
    checkpoints.save(full, folder / model_name(0), facts)


def _no_step(run: Run) -> UserError:
    assert run.removed is not None
    objective, images = run.recipe.objective, len(run.removed)
    batches = math.ceil(images / run.recipe.training.batch_size)
    option = OBJECTIVES[objective["name"]].steps_option
    return UserError(
        f"{run.label}: objective.{option} = {objective[option]} leaves no step of a pass over "
        f"{images} images, which is {batches} batches; accepted: at most {batches}"
    )


def model_name(step: int) -> str:
    """The name of the folder of the model after a step; names are in the order of the steps."""
    return f"{step:09d}"


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove models of an interrupted run with other settings."""
    for path in checkpoints.folders(folder):
        if path.name not in kept:
            shutil.rmtree(path)
