"""What the training loop asks of an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from diffcredit.config.options import Implementation
from diffcredit.config.sections import Rate, Real
from diffcredit.lazy import torch

#: Decay of a moment of the gradients.
Beta = Annotated[Real, Field(ge=0, lt=1)]


class Optimizer(Implementation):
    """Makes an optimizer of torch's kind.

    The loop sets the learning rate of each step, and saves what ``state_dict()`` holds, so that a
    training continues exactly.
    """

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """The optimizer of groups of parameters.

        Args:
            groups: ``params`` of each, and ``scale``, by which its learning rate is multiplied.
            learning_rate: of the first step.
        """
        raise NotImplementedError


class Moments(Optimizer.Options):
    """The options of optimizers with two moments, as Adam."""

    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = Field(
        [0.9, 0.999], description="the two decays, each at least 0 and below 1"
    )
    epsilon: Rate = Field(1e-8, description="added to the root of the second moment, above 0")


class DecayedMoments(Moments):
    """The same with decoupled weight decay."""

    weight_decay: Annotated[Real, Field(ge=0)] = Field(
        0.01,
        description="weights shrink by this times the learning rate in each step, 0 or more",
    )
