"""A recipe says how models are made, a run which one: one training by a recipe."""

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
    """How models are made, whatever images they retain and remove.

    Attributes:
        family: of the models.
        start: what a training begins from; None for fresh weights.
        objective: name of an entry of the registry, and its options.
        steps: optimizer steps; None where the objective counts them.
        learning_rate: after the warm-up; 0 for a closed form.
        training: settings of the loop.
        parameters: what is trained: name of an entry of the registry, and its options.
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
        """The recipe of a section; ``start`` is None where models start from scratch."""
        objective, parameters = section.objective.model_dump(), section.parameters.model_dump()
        rate = section.learning_rate or 0.0
        return cls(family, start, objective, section.steps, rate, training, parameters)

    def fresh(self, seed: int) -> Trained:
        """The network with the fresh weights of the training of a seed."""
        return fresh(self.family, derive(seed, "weights"))

    def begin(self, seed: int) -> Trained:
        """What the training of a seed begins from."""
        return self.fresh(seed) if self.start is None else self.start

    def count_steps(self, objective: Any, removed: Examples | None) -> int:
        """Steps of a training, which the objective may count by the removed images."""
        if self.steps is not None:
            return self.steps
        assert removed is not None
        found: int = objective.steps(len(removed), self.training.batch_size)
        return found


@dataclass(frozen=True)
class Run:
    """One training by a recipe.

    Attributes:
        recipe: how the model is made.
        label: names the training in messages.
        start: what it begins from; it is left alone.
        retained: images that are kept.
        removed: images that are taken out; None for objectives that do not look at them.
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
        """Seed of what is added to the network to be trained."""
        return derive(self.seed, "adapters")

    def check_images(self, uses_removed: bool) -> None:
        """Raise `UserError` where images are missing that the objective needs."""
        if len(self.retained) == 0:
            raise UserError(f"{self.label}: no images are retained")
        if uses_removed and (self.removed is None or len(self.removed) == 0):
            name = self.recipe.objective["name"]
            raise UserError(f"{self.label}: objective {name} needs removed images; there are none")


@dataclass(frozen=True)
class Outcome:
    """A trained network (the moving average of its weights) and what it took.

    Attributes:
        trained: on the CPU, ready for inference.
        seconds: wall time of the training, interruptions not counted.
        loss: mean loss of the last tenth of the steps; None without steps.
        steps: that were made.
    """

    trained: Trained
    seconds: float
    loss: float | None
    steps: int


@dataclass(frozen=True)
class Checkpoint:
    """Where a training saves its state, and after how many steps each time."""

    path: Path
    every: int


@dataclass(frozen=True)
class Stop:
    """When a training has come far enough.

    Attributes:
        reached: whether the model of a folder has.
        facts: what that depends on, as JSON can hold it.
    """

    reached: Callable[[Path], bool]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Snapshots:
    """Models that a training leaves on its way.

    Attributes:
        folder: of a folder for each.
        names: step -> name of the folder of the model after it.
        stop: may end the training at one of them, early.
        facts: of each of these models, besides its step, seconds and loss.
    """

    folder: Path
    names: Mapping[int, str]
    stop: Stop | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
