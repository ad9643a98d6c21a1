"""Trainings in one call, for tests: of a small model of pixels, on tensors or examples."""

from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator

from diffcredit.config import Training
from diffcredit.models import families
from diffcredit.models.checkpoints import Trained
from diffcredit.models.diffusion import NoiseSchedule
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.models.families.pixel import Pixel
from diffcredit.training import closed_form, loop
from diffcredit.training.batches import Drawing
from diffcredit.training.recipe import Checkpoint, Outcome, Recipe, Run, Snapshots

MODEL = Pixel.Options(family="pixel", channels=[8, 16], norm_groups=4, head_dim=8, timesteps=50)
FAMILY = families.build(MODEL, 8, 1)


@dataclass(frozen=True)
class Plan:
    """What one training does; see `recipe.Recipe` and `recipe.Run`."""

    label: str
    objective: dict[str, Any]
    steps: int
    learning_rate: float
    seed: int
    parameters: dict[str, Any] = field(default_factory=lambda: {"name": "all"})


def untrained(
    model: Pixel.Options = MODEL, seed: int = 0, channels: int = 1, side: int = 8
) -> Trained:
    """A model of pixels with fresh weights."""
    family = families.build(model, side, channels)
    return Trained(family.build(family.structure, seed).eval(), family, family.structure)


def family_of(num_train_timesteps: int, side: int = 8, channels: int = 1) -> Family:
    """The family of models of pixels with a number of timesteps."""
    model = MODEL.model_copy(update={"timesteps": num_train_timesteps})
    return families.build(model, side, channels)


def schedule(num_train_timesteps: int) -> NoiseSchedule:
    """The noise schedule of models of pixels."""
    return NoiseSchedule("linear", num_train_timesteps)


def from_uint8(images: torch.Tensor) -> torch.Tensor:
    """What a model of pixels sees of uint8 images, or of one."""
    batch = images if images.dim() == 4 else images[None]
    return FAMILY.clean(FAMILY.encode(batch)).reshape(images.shape)


def encoded(images: torch.Tensor | Examples) -> Examples:
    """Examples of uint8 images."""
    return images if isinstance(images, Examples) else FAMILY.encode(images)


def run_of(
    start: Trained,
    retained: torch.Tensor | Examples,
    removed: torch.Tensor | Examples | None,
    plan: Plan,
    settings: Training,
) -> Run:
    """The run of a plan."""
    recipe = Recipe(
        start.family,
        start,
        plan.objective,
        plan.steps,
        plan.learning_rate,
        settings,
        plan.parameters,
    )
    gone = None if removed is None else encoded(removed)
    return Run(recipe, plan.label, start, encoded(retained), gone, plan.steps, plan.seed)


def train(
    start: Trained,
    objective: Any,
    retained: torch.Tensor | Examples,
    removed: torch.Tensor | Examples | None,
    plan: Plan,
    settings: Training,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None = None,
    snapshots: Snapshots | None = None,
) -> Outcome:
    """Train a copy of a start."""
    run = run_of(start, retained, removed, plan, settings)
    return loop.train(run, objective, accelerator, checkpoint, snapshots)


def solve(
    start: Trained,
    objective: Any,
    retained: torch.Tensor | Examples,
    removed: torch.Tensor | Examples | None,
    plan: Plan,
    settings: Training,
    accelerator: Accelerator,
) -> Outcome:
    """Move a copy of a start by a closed form."""
    run = run_of(start, retained, removed, plan, settings)
    return closed_form.solve(run, objective, accelerator)


def drawing(
    retained: torch.Tensor | Examples,
    removed: torch.Tensor | Examples | None,
    seed: int,
    settings: Training,
    accelerator: Accelerator,
    num_train_timesteps: int = 50,
) -> Drawing:
    """Batches of images."""
    family = family_of(num_train_timesteps)
    gone = None if removed is None else encoded(removed)
    return Drawing(family, encoded(retained), gone, seed, settings, accelerator)


def predict(
    network: torch.nn.Module, noised: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """The noise that a model of pixels sees."""
    return Pixel.predict(FAMILY, network, noised, timesteps)  # type: ignore[arg-type]
