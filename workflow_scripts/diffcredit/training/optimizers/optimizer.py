"""The interface of optimizers."""

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
    """Makes a torch optimizer.

    The loop sets the learning rate of each step, and saves ``state_dict()``, so that a training can
    resume exactly.
    """

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """The optimizer of groups of parameters.

        Args:
            groups: each with ``params`` and ``scale``, a factor of its learning rate.
            learning_rate: of the first step.
        """
        raise NotImplementedError


class Moments(Optimizer.Options):
    """Options of optimizers with two moments, such as Adam."""

    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = Field(
        [0.9, 0.999], description="the two decays, each at least 0 and below 1"
    )
    epsilon: Rate = Field(1e-8, description="added to the root of the second moment, above 0")


class DecayedMoments(Moments):
    """Options of optimizers with two moments and decoupled weight decay."""

    weight_decay: Annotated[Real, Field(ge=0)] = Field(
        0.01,
        description="weights shrink by this times the learning rate in each step, 0 or more",
    )
