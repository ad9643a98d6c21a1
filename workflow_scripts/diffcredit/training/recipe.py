"""Recipes, the settings that models share, and runs: single trainings by a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffcredit.config import Approach, Full, Pruned, Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained, fresh
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.seeds import derive


@dataclass(frozen=True)
class Recipe:
    """How models are made, independent of their retained and removed images.

    Attributes:
        family: of the models.
        start: the model that a training starts from; None for fresh weights.
        objective: name of an entry of the registry, and its options.
        steps: optimizer steps; None if the objective determines them.
        learning_rate: after the warm-up; 0 for a closed form.
        training: settings of the loop.
        parameters: the trained parameters: name of an entry of the registry, and its options.
    """

    family: Family
    start: Trained | None
    objective: dict[str, Any]
    steps: int | None
    learning_rate: float
    training: Training
    parameters: dict[str, Any] = field(default_factory=lambda: {"name": "all"})

    @classmethod
    def of_section(
        cls,
        section: Full | Pruned | Approach,
        family: Family,
        start: Trained | None,
        training: Training,
    ) -> "Recipe":
        """The recipe of a section; ``start`` is None for training from scratch."""
        objective, parameters = section.objective.model_dump(), section.parameters.model_dump()
        rate = section.learning_rate or 0.0
        return cls(family, start, objective, section.steps, rate, training, parameters)

    def fresh(self, seed: int) -> Trained:
        """A network with fresh weights for a seed."""
        return fresh(self.family, derive(seed, "weights"))

    def begin(self, seed: int) -> Trained:
        """The model that the training of a seed starts from."""
        return self.fresh(seed) if self.start is None else self.start

    def count_steps(self, objective: Any, removed: Examples | None) -> int:
        """Number of steps of a training, which may depend on the number of removed images."""
        if self.steps is not None:
            return self.steps
        assert removed is not None
        found: int = objective.steps(len(removed), self.training.batch_size)
        return found


@dataclass(frozen=True)
class Run:
    """One training by a recipe.

    Attributes:
        recipe: settings of the training.
        label: names the training in messages.
        start: the model that the training starts from; it is not changed.
        retained: images that are kept.
        removed: images that are removed; None for objectives that do not use them.
        steps: optimizer steps.
        seed: of everything random.
    """

    recipe: Recipe
    label: str
    start: Trained
    retained: Examples
    removed: Examples | None
    steps: int
    seed: int

    @property
    def adapters_seed(self) -> int:
        """Seed of the adapters that are added to the network."""
        return derive(self.seed, "adapters")

    def check_images(self, uses_removed: bool) -> None:
        """Raise `UserError` if there are no images for the objective."""
        if len(self.retained) == 0:
            raise UserError(f"{self.label}: no images are retained")
        if uses_removed and (self.removed is None or len(self.removed) == 0):
            name = self.recipe.objective["name"]
            raise UserError(f"{self.label}: objective {name} needs removed images; there are none")


@dataclass(frozen=True)
class Outcome:
    """A trained network (the moving average of its weights) with its cost and loss.

    Attributes:
        trained: on the CPU, ready for inference.
        seconds: wall time of the training, interruptions not counted.
        loss: mean loss of the last tenth of the steps; None without steps.
        steps: number of optimizer steps.
    """

    trained: Trained
    seconds: float
    loss: float | None
    steps: int


@dataclass(frozen=True)
class Checkpoint:
    """The file of a training's checkpoints, and the number of steps between them."""

    path: Path
    every: int


@dataclass(frozen=True)
class Stop:
    """An early-stopping rule.

    Attributes:
        reached: whether the model of a folder fulfills the rule.
        facts: everything that the rule depends on, for JSON.
    """

    reached: Callable[[Path], bool]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Snapshots:
    """Models that are saved during a training.

    Attributes:
        folder: with a folder for each model.
        names: step -> name of the folder of the model after this step.
        stop: may end the training early at one of the models.
        facts: of each model, besides its step, seconds and loss.
    """

    folder: Path
    names: Mapping[int, str]
    stop: Stop | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
