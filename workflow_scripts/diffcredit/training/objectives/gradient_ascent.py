"""Minus the denoising loss of the removed images: gradient ascent."""

import math
from collections.abc import Callable

import torch

from diffcredit.training.batches import Batch


class GradientAscent:
    """- E || eps(x_t, t) - e ||^2 over the removed data, for one pass divided by ``ga_ratio``."""

    uses_removed = True

    def __init__(self, ga_ratio: float | None = None):
        self.ga_ratio = ga_ratio

    def steps(self, removed: int, batch_size: int) -> int:
        """Steps of one pass over that many removed images, divided by ``ga_ratio``; 1 or more."""
        assert self.ga_ratio is not None
        return math.ceil(removed / (batch_size * self.ga_ratio))

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
