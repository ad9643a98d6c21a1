"""The denoising loss of the retained images: retraining, fine-tuning and naive deletion."""

from collections.abc import Callable

import torch

from diffcredit.training.batches import Batch


class Denoise:
    """E || eps(x_t, t) - e ||^2 over the retained data (Ho et al. 2020, eq. 14)."""

    uses_removed = False

    def backward(
        self,
        predict: Callable[[Batch], torch.Tensor],
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step; returns the loss, a scalar."""
        loss = torch.nn.functional.mse_loss(predict(retained), retained.noise)
        accumulate(loss)
        return loss.detach()
