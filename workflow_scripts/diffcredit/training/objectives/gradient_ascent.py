"""Minus the denoising loss of the removed images: gradient ascent, also called NegGrad."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from diffcredit.config.sections import Rate, Real
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import OneGradient, Predict

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch


class GradientAscent(OneGradient):
    """- E || eps(x_t, t) - e ||^2 over the removed data; with a superfactor, NegGrad."""

    uses_removed = True
    starts = ("full", "pruned")
    steps_option = "ga_ratio"

    class Options(OneGradient.Options):
        """Instead of steps, a share of one pass over the removed images; a larger gradient."""

        ga_ratio: Rate | None = Field(
            None,
            description="a number above 0, instead of steps: the batches of one pass over the "
            "removed images divided by it, rounded down",
        )
        superfactor: Rate = Field(
            1.0, description="what the gradient is multiplied by before it is clipped, above 0"
        )
        superfactor_decay: Annotated[Real, Field(gt=0, le=1)] = Field(
            1.0,
            description="what the superfactor is multiplied by after each step, above 0, at most 1",
        )

    def steps(self, removed: int, batch_size: int) -> int:
        """floor(ceil(removed / batch_size) / ga_ratio), as published; it may be 0."""
        assert self.options.ga_ratio is not None
        return math.floor(math.ceil(removed / batch_size) / self.options.ga_ratio)

    def weight(self, step: int) -> float:
        """What the gradient of this step, from 0, is multiplied by."""
        factor: float = self.options.superfactor * self.options.superfactor_decay**step
        return factor

    def backward(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step; returns what is minimized, below 0."""
        assert removed is not None
        loss = -torch.nn.functional.mse_loss(predict(removed), removed.noise)
        accumulate(loss)
        return loss.detach()
