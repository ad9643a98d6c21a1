"""SISS without importance sampling: a forward pass for the retained and one for the removed images.

The comparison of Alberti et al. 2025 (arXiv 2503.01034) that they call "No IS". As in their code,
retained and removed images share noise and timesteps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import Accumulators, Predict, Uniform
from diffcredit.training.objectives.subtraction import Subtraction

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch


class SissTwoPass(Subtraction):
    """Both denoising losses as they are; their gradients are subtracted as in `siss`."""

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Uniform,
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; returns the loss of the retained images."""
        loss = torch.nn.functional.mse_loss(predict(retained), retained.noise)
        gradients.retained(loss)
        removed = removed.noised_like(retained)
        gradients.removed(torch.nn.functional.mse_loss(predict(removed), removed.noise))
        return loss.detach()
