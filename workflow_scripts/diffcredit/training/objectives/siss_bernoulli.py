"""SISS with a coin for each image, which counts for the loss of what it is and for no other.

A variant of Alberti et al. 2025 (arXiv 2503.01034), `siss` where noised images tell what they are.
The network sees each place of a batch once, forward and backward, as with `denoise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from diffcredit.config.sections import Fraction
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import Accumulators, Predict, Uniform
from diffcredit.training.objectives.subtraction import Subtraction

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch


class SissBernoulli(Subtraction):
    """Estimates of both denoising losses, each of its share of a batch."""

    class Options(Subtraction.Options):
        """How often the coin shows a removed image."""

        mixture: Fraction = Field(
            0.5, description="probability of a removed image, above 0 and below 1"
        )

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Uniform,
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; returns the loss of the retained images."""
        mixture: float = self.options.mixture
        of_removed = uniform() < mixture
        expected = len(of_removed) * (1 - mixture), len(of_removed) * mixture
        kept, gone = retained.rows(~of_removed), removed.rows(of_removed)
        loss = _add(predict, kept, expected[0], gradients.retained)
        _add(predict, gone, expected[1], gradients.removed)
        return loss


def _add(
    predict: Predict, share: Batch, expected: float, add: Callable[[torch.Tensor], None]
) -> torch.Tensor:
    """Add the gradient of the loss of a share of so many images on average; returns the loss."""
    if len(share.noise) == 0:  # a network does not take nothing
        return torch.zeros(())
    error = (predict(share) - share.noise).square().flatten(1).mean(1)
    loss = error.sum() / expected
    add(loss)
    return loss.detach()
