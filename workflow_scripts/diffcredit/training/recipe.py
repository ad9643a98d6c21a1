"""How an approach makes a model, whatever the images that it keeps and removes."""

from dataclasses import dataclass
from typing import Any

import torch

from diffcredit.config import Approach, Training
from diffcredit.models.checkpoints import Description, Trained
from diffcredit.seeds import derive
from diffcredit.training.loop import Plan


@dataclass(frozen=True)
class Recipe:
    """Start, objective, parameters and settings of the loop.

    Attributes:
        approach: objective, parameters, steps and learning rate.
        start: what the approach starts from; None for scratch.
        scratch: describes the network that is never trained.
        training: the loop's settings.
        timesteps: noise levels of the schedule.
    """

    approach: Approach
    start: Trained | None
    scratch: Description
    training: Training
    timesteps: int

    def untrained(self, seed: int) -> Trained:
        """The network with weights drawn for the training of a seed."""
        return Trained(self.scratch.build(derive(seed, "weights")).eval(), self.scratch)

    def begin(self, seed: int) -> Trained:
        """What the training of a seed begins from."""
        return self.untrained(seed) if self.start is None else self.start

    def steps(self, objective: Any, removed: torch.Tensor | None) -> int:
        """Steps of a training, which the objective may count by the (n, ...) removed images."""
        if self.approach.steps is not None:
            return self.approach.steps
        assert removed is not None
        found: int = objective.steps(len(removed), self.training.batch_size)
        return found

    def plan(self, steps: int, seed: int, label: str) -> Plan:
        """What the loop is to do."""
        return Plan(
            label=label,
            objective=self.approach.objective.model_dump(),
            steps=steps,
            learning_rate=self.approach.learning_rate or 0.0,
            timesteps=self.timesteps,
            seed=seed,
            parameters=self._parameters(),
        )

    def _parameters(self) -> dict[str, Any]:
        """Name and options of what is trained."""
        return self.approach.parameters.model_dump()
