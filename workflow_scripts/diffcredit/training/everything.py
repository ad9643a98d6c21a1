"""The models of all images: the full one, trained or read, and the pruned one fine-tuned."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from diffcredit.config import Full as FullSettings
from diffcredit.config import Model, Pruned, Training
from diffcredit.data.images import Images
from diffcredit.files import read_json
from diffcredit.logs import logger
from diffcredit.models import checkpoints, ddpm, published
from diffcredit.models.checkpoints import Description, Trained
from diffcredit.models.pixels import channels_first
from diffcredit.models.pruning.structure import Material
from diffcredit.registry import OBJECTIVES, PRUNERS, build
from diffcredit.seeds import derive
from diffcredit.training.loop import (
    Checkpoint,
    Plan,
    Snapshots,
    make_accelerator,
    train,
)
from diffcredit.training.rates import snapshot_steps

DENOISE = {"name": "denoise"}


@dataclass(frozen=True)
class Place:
    """Where and with what a model is trained.

    Attributes:
        target: folder that the model is written to.
        device: "cpu" or "cuda".
        processes: one for each GPU that shares the work.
        checkpoint_steps: steps between checkpoints, beside the target.
        snapshots: folder of the models that the training leaves on its way; None for none.
    """

    target: Path
    device: str
    processes: int
    checkpoint_steps: int
    snapshots: Path | None = None


def full(
    images: Images,
    model: Model,
    settings: FullSettings,
    training: Training,
    seed: int,
    place: Place,
) -> None:
    """Train the full model from scratch and write it, its snapshots before it."""
    _, height, _, channels = images.pixels.shape
    description = Description(ddpm.architecture(model, height, channels))
    start = Trained(description.build(derive(seed, "weights")), description)
    plan = Plan("full", DENOISE, settings.steps, settings.learning_rate, model.timesteps, seed)
    on_the_way = snapshot_steps(settings)[:-1]
    numbered = {step: str(number) for number, step in enumerate(on_the_way, start=1)}
    snapshots = place.snapshots and Snapshots(place.snapshots, numbered)
    arguments = (start, _tensor(images), plan, training, place, snapshots)
    _launch(_train_full, arguments, place.processes)


def pretrained(folder: Path, target: Path) -> None:
    """Write a model that was trained elsewhere as the full model; its training cost nothing here.

    Raises:
        UserError: where the folder holds none.
    """
    checkpoints.save(published.read(folder), target, {"seconds": 0.0, "loss": None})


def pruned(
    images: Images,
    full_model: Path,
    settings: Pruned,
    training: Training,
    timesteps: int,
    seed: int,
    place: Place,
) -> None:
    """Prune the full model, fine-tune it on everything, and write it with its size."""
    pruner = settings.pruner.model_dump()
    plan = Plan("pruned", DENOISE, settings.steps, settings.learning_rate, timesteps, seed)
    arguments = (full_model, pruner, settings.ratio, _tensor(images), plan, training, place)
    _launch(_prune_and_train, arguments, place.processes)


def _tensor(images: Images) -> torch.Tensor:
    """(n, c, h, w) uint8."""
    return channels_first(images.pixels)


def _launch(function: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Run a function in as many processes as GPUs share its work."""
    if processes == 1:
        function(*arguments)
        return
    from accelerate import notebook_launcher

    notebook_launcher(function, arguments, num_processes=processes)


def _train_full(
    start: Trained,
    pixels: torch.Tensor,
    plan: Plan,
    training: Training,
    place: Place,
    snapshots: Snapshots | None,
) -> None:
    accelerator = make_accelerator(training, place.device)
    _train_and_save(start, pixels, plan, training, place, {}, accelerator, snapshots)


def _prune_and_train(
    full_model: Path,
    pruner: dict[str, Any],
    ratio: float,
    pixels: torch.Tensor,
    plan: Plan,
    training: Training,
    place: Place,
) -> None:
    """One process prunes, and all read what it wrote: gradients on GPUs may differ in a bit."""
    accelerator = make_accelerator(training, place.device)
    cut = place.target.with_name(f"{place.target.name}.cut")
    if accelerator.is_main_process:
        seed = derive(plan.seed, "pruning")
        material = Material(pixels, plan.timesteps, seed, str(accelerator.device))
        smaller, size = build(PRUNERS, pruner, checkpoints.load(full_model), ratio, material)
        logger.info(
            "pruned: %(parameters_before)d -> %(parameters_after)d parameters, "
            "%(multiply_adds_before)d -> %(multiply_adds_after)d multiply-adds",
            size,
        )
        checkpoints.save(smaller, cut, size)
    accelerator.wait_for_everyone()
    start, size = checkpoints.load(cut), read_json(cut / checkpoints.CONFIG)["facts"]
    _train_and_save(start, pixels, plan, training, place, size, accelerator)
    if accelerator.is_main_process:
        shutil.rmtree(cut)


def _train_and_save(
    start: Trained,
    pixels: torch.Tensor,
    plan: Plan,
    training: Training,
    place: Place,
    facts: dict[str, Any],
    accelerator: Accelerator,
    snapshots: Snapshots | None = None,
) -> None:
    path = place.target.with_name(f"{place.target.name}.checkpoint.safetensors")
    checkpoint = Checkpoint(path, place.checkpoint_steps)
    objective = build(OBJECTIVES, plan.objective)
    outcome = train(
        start, objective, pixels, None, plan, training, accelerator, checkpoint, snapshots
    )
    if accelerator.is_main_process:
        found = {"seconds": outcome.seconds, "loss": outcome.loss, **facts}
        checkpoints.save(outcome.trained, place.target, found)
        path.unlink(missing_ok=True)
