"""The models trained on all images: the full one, and the pruned one fine-tuned."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffcredit.config import Full as FullSettings
from diffcredit.config import Model, Pruned, Training
from diffcredit.data.images import Images
from diffcredit.logs import logger
from diffcredit.models import checkpoints, ddpm
from diffcredit.models.checkpoints import Description, Trained
from diffcredit.models.pruning import prune
from diffcredit.registry import PRUNERS, load
from diffcredit.seeds import derive
from diffcredit.training.loop import Checkpoint, Plan, make_accelerator, train
from diffcredit.training.objectives.denoise import Denoise


@dataclass(frozen=True)
class Place:
    """Where and with what a model is trained.

    Attributes:
        target: folder that the model is written to.
        device: "cpu" or "cuda".
        processes: one for each GPU that shares the work.
        checkpoint_steps: steps between checkpoints, beside the target.
    """

    target: Path
    device: str
    processes: int
    checkpoint_steps: int


def full(
    images: Images,
    model: Model,
    settings: FullSettings,
    training: Training,
    seed: int,
    place: Place,
) -> None:
    """Train the full model from scratch and write it."""
    _, height, _, channels = images.pixels.shape
    description = Description(ddpm.architecture(model, height, channels))
    start = Trained(description.build(derive(seed, "weights")), description)
    plan = Plan("full", "denoise", settings.steps, settings.learning_rate, model.timesteps, seed)
    _launch(_train_and_save, (start, images, plan, training, place, {}), place.processes)


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
    importance = load(PRUNERS, settings.pruner)()
    start, size = prune(checkpoints.load(full_model), importance, settings.ratio)
    logger.info(
        "pruned: %(parameters_before)d -> %(parameters_after)d parameters, "
        "%(multiply_adds_before)d -> %(multiply_adds_after)d multiply-adds",
        size,
    )
    plan = Plan("pruned", "denoise", settings.steps, settings.learning_rate, timesteps, seed)
    _launch(_train_and_save, (start, images, plan, training, place, size), place.processes)


def _launch(function: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Run a function in as many processes as GPUs share its work."""
    if processes == 1:
        function(*arguments)
        return
    from accelerate import notebook_launcher

    notebook_launcher(function, arguments, num_processes=processes)


def _train_and_save(
    start: Trained,
    images: Images,
    plan: Plan,
    training: Training,
    place: Place,
    facts: dict[str, Any],
) -> None:
    accelerator = make_accelerator(training, place.device)
    pixels = torch.from_numpy(images.pixels).permute(0, 3, 1, 2)
    path = place.target.with_name(f"{place.target.name}.checkpoint.safetensors")
    checkpoint = Checkpoint(path, place.checkpoint_steps)
    outcome = train(start, Denoise(), pixels, None, plan, training, accelerator, checkpoint)
    if accelerator.is_main_process:
        found = {"seconds": outcome.seconds, "loss": outcome.loss, **facts}
        checkpoints.save(outcome.trained, place.target, found)
        path.unlink(missing_ok=True)
