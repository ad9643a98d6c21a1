"""Minus the denoising loss of the removed images: gradient ascent, also called NegGrad."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from diffcredit.training.batches import Batch


@dataclass(frozen=True)
class GradientAscent:
    """- E || eps(x_t, t) - e ||^2 over the removed data.

    Attributes:
        ga_ratio: the steps are the batches of one pass over the removed images, divided by it and
            rounded down; None where they are given.
        superfactor: its gradient is multiplied by it before it is clipped, above 0.
        superfactor_decay: and by this once for each step before, in (0, 1].
    """

    ga_ratio: float | None = None
    superfactor: float = 1.0
    superfactor_decay: float = 1.0
    uses_removed = True

    def steps(self, removed: int, batch_size: int) -> int:
        """floor(ceil(removed / batch_size) / ga_ratio), as published; it may be 0."""
        assert self.ga_ratio is not None
        return math.floor(math.ceil(removed / batch_size) / self.ga_ratio)

    def weight(self, step: int) -> float:
        """What the gradient of this step, from 0, is multiplied by."""
        return self.superfactor * self.superfactor_decay**step

    def backward(
        self,
        predict: Callable[[Batch], torch.Tensor],
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step; returns what is minimized, below 0."""
        assert removed is not None
        loss = -torch.nn.functional.mse_loss(predict(removed), removed.noise)
        accumulate(loss)
        return loss.detach()
