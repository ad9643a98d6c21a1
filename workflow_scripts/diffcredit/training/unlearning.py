"""A trained model unlearns images: its models after every so many steps, from several seeds."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator

from diffcredit.errors import UserError
from diffcredit.files import left_behind, read_json, write_json
from diffcredit.models import checkpoints
from diffcredit.registry import OBJECTIVES, build
from diffcredit.steps import model_name, seed_and_step
from diffcredit.training.closed_form import solve
from diffcredit.training.loop import Checkpoint, Plan, Snapshots, Stop, fingerprint, train
from diffcredit.training.recipe import Recipe


@dataclass(frozen=True)
class Split:
    """What a model is to know afterwards, and what not.

    Attributes:
        retained: (n, c, h, w) uint8.
        removed: (n', c, h, w) uint8, 1 or more.
    """

    retained: torch.Tensor
    removed: torch.Tensor


@dataclass(frozen=True)
class Place:
    """Where models are left, and when.

    Attributes:
        folder: of the models, named by `steps.model_name`.
        every: steps between them; None for the end alone.
        stop: ends a training early; None for all of its steps.
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
    place: Place,
    label: str,
) -> None:
    """Make the models of one training.

    What an interrupted run left there is kept where it comes from the same inputs.

    Args:
        split: images that are kept, and those that are removed.
        recipe: how the approach makes a model.
        number: of the training seed; it is in the names of the models.
        seed: of everything random.
        accelerator: from `make_accelerator`.
        place: where the models go, and which of them.
        label: names the training in messages.

    Raises:
        UserError: where the objective makes no step.
    """
    objective = build(OBJECTIVES, recipe.approach.objective.model_dump())
    removed = split.removed if objective.uses_removed else None
    plan = recipe.plan(recipe.steps(objective, removed), seed, label)
    if plan.steps == 0:
        assert removed is not None
        batches = math.ceil(len(removed) / recipe.training.batch_size)
        option = OBJECTIVES[plan.objective["name"]].steps_option
        raise UserError(
            f"{label}: objective.{option} = {plan.objective[option]} leaves no step of a pass "
            f"over {len(removed)} images, which is {batches} batches; accepted: at most {batches}"
        )
    begin = recipe.begin(seed)
    snapshots = Snapshots(place.folder, _names(number, plan, place.every), place.stop)
    mark = fingerprint(begin, split.retained, removed, plan, recipe.training, snapshots)
    finished = place.folder / f"{number}.json"
    if (made := left_behind(read_json, finished)) and made.get("fingerprint") == mark:
        return
    given = (begin, objective, split.retained, removed, plan, recipe.training, accelerator)
    if objective.loops:
        checkpoint = Checkpoint(place.folder / "checkpoint.safetensors", place.checkpoint_steps)
        steps = train(*given, checkpoint, snapshots).steps
        checkpoint.path.unlink(missing_ok=True)
    else:
        outcome, steps = solve(*given), 1
        facts = {"step": steps, "seconds": outcome.seconds}
        checkpoints.save(outcome.trained, place.folder / model_name(number, steps), facts)
    kept = {step for step in snapshots.names if step <= steps}
    _clear(place.folder, lambda seed, step: seed != number or step not in kept)
    write_json({"fingerprint": mark, "steps": steps}, finished)


def _names(number: int, plan: Plan, every: int | None) -> dict[int, str]:
    """Step -> name of each model that a training leaves."""
    end = plan.steps
    steps = {*(range(every, end, every) if every else ()), end}
    return {step: model_name(number, step) for step in steps}


def _clear(folder: Path, stale: Callable[[int, int], bool]) -> None:
    """Remove the models, of a seed and a step, that an interrupted run with other settings left."""
    for path in checkpoints.folders(folder):
        if stale(*seed_and_step(int(path.name))):
            shutil.rmtree(path)
