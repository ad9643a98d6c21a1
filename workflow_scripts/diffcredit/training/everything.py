"""The models of all images: the full one, trained or read, and the pruned one fine-tuned."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from diffcredit.config import Full as FullSettings
from diffcredit.config import Model, Pruned, Training, ratios
from diffcredit.data.images import Images
from diffcredit.errors import UserError
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


def warn_of_another_network(full_model: Path, model: Model) -> None:
    """Warn where a full model from elsewhere is another network than models from scratch are."""
    network = read_json(full_model / checkpoints.CONFIG)["architecture"]
    scratch = ddpm.architecture(model, network["sample_size"], network["in_channels"])
    if unlike := published.differences(network, scratch):
        logger.warning(
            "full.pretrained is another network than `model`, of which models from scratch are: "
            "it has %s",
            ", ".join(unlike),
        )


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
    plan = Plan("pruned", DENOISE, settings.steps, settings.learning_rate, timesteps, seed)
    arguments = (full_model, settings, _tensor(images), plan, training, place)
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
    settings: Pruned,
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
        trained = checkpoints.load(full_model)
        ratio = _channel_ratio(settings, trained.description)
        smaller, size = build(PRUNERS, settings.pruner.model_dump()).prune(trained, ratio, material)
        _tell_size(settings, ratio, size)
        checkpoints.save(smaller, cut, size)
    accelerator.wait_for_everyone()
    start, size = checkpoints.load(cut), read_json(cut / checkpoints.CONFIG)["facts"]
    _train_and_save(start, pixels, plan, training, place, size, accelerator)
    if accelerator.is_main_process:
        shutil.rmtree(cut)


def _channel_ratio(settings: Pruned, description: Description) -> float:
    """The ratio of channels that removes so much of the target.

    Raises:
        UserError: if it is asked for a part of a network that was pruned before.
    """
    if settings.target == "channels":
        return settings.ratio
    if description.pruning:
        raise UserError(
            f"pruned.target = {settings.target!r}: the full model was pruned before; "
            "accepted: channels"
        )
    network = ratios.unet(description.architecture)
    return ratios.channel_ratio(network, settings.target, settings.ratio)


def _tell_size(settings: Pruned, ratio: float, size: dict[str, int]) -> None:
    """Channels go in whole norm groups, so that their ratio is not that of the parameters."""
    gone = {
        what: 1 - size[f"{what}_after"] / size[f"{what}_before"]
        for what in ("parameters", "multiply_adds")
    }
    logger.info(
        "pruned by %.3g of the channels: %d -> %d parameters (%.1f%% went), "
        "%d -> %d multiply-adds (%.1f%% went)",
        ratio,
        size["parameters_before"],
        size["parameters_after"],
        100 * gone["parameters"],
        size["multiply_adds_before"],
        size["multiply_adds_after"],
        100 * gone["multiply_adds"],
    )
    if settings.target == "channels":
        return
    if abs(gone[settings.target] - settings.ratio) > ratios.TOLERANCE:
        logger.warning(
            "pruned.ratio = %g of the %s: channels go in whole norm groups, and the nearest "
            "fraction that can go is %.3g",
            settings.ratio,
            settings.target.replace("_", "-"),
            gone[settings.target],
        )


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
