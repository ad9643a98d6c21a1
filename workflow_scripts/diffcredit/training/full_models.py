"""The models of all images: the full one, trained or read, and the pruned one fine-tuned."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcredit.config import Full, Pruned, Training, options
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.models import checkpoints
from diffcredit.models import pretrained as pretrained_models
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family, Structure
from diffcredit.models.pruning.structure import Material
from diffcredit.registry import OBJECTIVES, PRUNERS, build
from diffcredit.seeds import derive
from diffcredit.training.loop import make_accelerator
from diffcredit.training.make_model import OutputPaths, make_model, model_facts
from diffcredit.training.rates import snapshot_steps
from diffcredit.training.recipe import Checkpoint, Recipe, Run, Snapshots

#: Largest deviation from the requested fraction of the network without a warning.
TOLERANCE = 0.02


@dataclass(frozen=True)
class TrainingResources:
    """With what a model is trained.

    Attributes:
        device: "cpu" or "cuda".
        processes: one for each GPU that shares the work.
        checkpoint_steps: steps between checkpoints, which are saved beside the model.
    """

    device: str
    processes: int
    checkpoint_steps: int


def full(
    examples: Examples,
    family: Family,
    settings: Full,
    training: Training,
    seed: int,
    target: Path,
    resources: TrainingResources,
    snapshots: Path | None = None,
    number: int = 0,
) -> None:
    """Train the full model from scratch and write it, its snapshots before it.

    Args:
        examples: all training images.
        family: of the model.
        settings: steps, learning rate and snapshots.
        training: settings of the loop.
        seed: of everything random.
        target: folder of the model.
        resources: with what it is trained.
        snapshots: folder of the models that the training leaves on its way; None for none.
        number: of the training, where there are several; 0 is the full model.
    """
    recipe = Recipe.of_section(settings, family, None, training)
    run = Run(recipe, "full", recipe.begin(seed), examples, None, settings.steps, seed)
    facts = model_facts(training_seed=number)
    left = None
    if snapshots is not None:
        steps = enumerate(snapshot_steps(settings)[:-1], start=1)
        left = Snapshots(snapshots, {step: str(count) for count, step in steps}, facts=facts)
    paths = OutputPaths(target, _checkpoint(target, resources), left)
    _launch(_make, (run, paths, facts, resources), resources.processes)


def pretrained(folder: Path, family: Family, target: Path) -> None:
    """Write a model that was trained elsewhere as the full model; its training cost nothing here.

    Raises:
        UserError: where the folder holds none.
    """
    found = pretrained_models.read(folder, family)
    told = {"step": 0, "seconds": 0.0, "loss": None}
    checkpoints.save(found, target, {**model_facts(training_seed=0), **told})
    if unlike := family.differences(found.structure):
        logger.warning(
            "full.pretrained is another network than `model`, of which models from scratch are: "
            "it has %s",
            ", ".join(unlike),
        )


def pruned(
    examples: Examples,
    full_model: Path,
    settings: Pruned,
    training: Training,
    seed: int,
    target: Path,
    resources: TrainingResources,
) -> None:
    """Prune the full model, fine-tune it on all images, and write it with its size."""
    arguments = (examples, full_model, settings, training, seed, target, resources)
    _launch(_prune_and_train, arguments, resources.processes)


def _launch(function: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Run a function in as many processes as GPUs share its work."""
    if processes == 1:
        function(*arguments)
        return
    from accelerate import notebook_launcher

    notebook_launcher(function, arguments, num_processes=processes)


def _checkpoint(target: Path, resources: TrainingResources) -> Checkpoint:
    path = target.with_name(f"{target.name}.checkpoint.safetensors")
    return Checkpoint(path, resources.checkpoint_steps)


def _make(
    run: Run, paths: OutputPaths, facts: dict[str, Any], resources: TrainingResources
) -> None:
    accelerator = make_accelerator(run.recipe.training, resources.device)
    objective = build(OBJECTIVES, run.recipe.objective)
    make_model(run, objective, accelerator, paths, facts)


def _prune_and_train(
    examples: Examples,
    full_model: Path,
    settings: Pruned,
    training: Training,
    seed: int,
    target: Path,
    resources: TrainingResources,
) -> None:
    """One process prunes, and all read what it wrote: gradients on GPUs may differ in a bit."""
    accelerator = make_accelerator(training, resources.device)
    cut = target.with_name(f"{target.name}.cut")
    if accelerator.is_main_process:
        material = Material(examples, derive(seed, "pruning"), str(accelerator.device))
        trained = checkpoints.load(full_model)
        ratio = _channel_ratio(settings, trained.family, trained.structure)
        smaller, size = options.build(PRUNERS, settings.pruner).prune(trained, ratio, material)
        _tell_size(settings, ratio, size)
        checkpoints.save(smaller, cut, size)
    accelerator.wait_for_everyone()
    start, size = checkpoints.load(cut), checkpoints.facts(cut)
    recipe = Recipe.of_section(settings, start.family, start, training)
    run = Run(recipe, "pruned", start, examples, None, settings.steps, seed)
    paths = OutputPaths(target, _checkpoint(target, resources))
    objective = build(OBJECTIVES, recipe.objective)
    make_model(run, objective, accelerator, paths, {**model_facts(training_seed=0), **size})
    if accelerator.is_main_process:
        shutil.rmtree(cut)


def _channel_ratio(settings: Pruned, family: Family, structure: Structure) -> float:
    """The ratio of channels that removes so much of the target.

    Raises:
        UserError: if this is a part of a network that was pruned before.
    """
    if settings.target == "channels":
        return settings.ratio
    if structure.pruning:
        raise UserError(
            f"pruned.target = {settings.target!r}: the full model was pruned before; "
            "accepted: channels"
        )
    return family.channel_ratio(structure, settings.target, settings.ratio)


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
    if abs(gone[settings.target] - settings.ratio) > TOLERANCE:
        logger.warning(
            "pruned.ratio = %g of the %s: channels go in whole norm groups, and the nearest "
            "fraction that can go is %.3g",
            settings.ratio,
            settings.target.replace("_", "-"),
            gone[settings.target],
        )
