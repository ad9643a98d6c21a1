"""The denoising loss of the retained images: retraining, fine-tuning and naive deletion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import OneGradient, Predict

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch


class Denoise(OneGradient):
    """E || eps(x_t, t) - e ||^2 over the retained data (Ho et al. 2020, eq. 14)."""

    def backward(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step; returns the loss, a scalar."""
        loss = torch.nn.functional.mse_loss(predict(retained), retained.noise)
        accumulate(loss)
        return loss.detach()
