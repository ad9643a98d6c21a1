"""EraseDiff: denoise the retained images, and see uniform noise in the removed ones.

Wu et al. 2024, arXiv 2401.05779, in the first-order form that Alberti et al. 2025 (arXiv
2503.01034) compare with; as there, retained and removed images share noise and timesteps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from diffcredit.config.sections import Rate
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import (
    Accumulators,
    Predict,
    Products,
    TwoGradients,
    Uniform,
)

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch


class EraseDiff(TwoGradients):
    """G_x + max(0, eta - <G_x, G_a> / ||G_a||^2) G_a; its product with G_a is >= eta ||G_a||^2."""

    class Options(TwoGradients.Options):
        """How much of the removed images' gradient a step has at least."""

        eta: Rate = Field(
            0.001, description="least share of the removed images' gradient in a step, above 0"
        )

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Uniform,
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; returns the loss of the retained images.

        G_a is that of E || eps(a_t, t) - u ||^2 over the removed data, u uniform on [0, 1).
        """
        loss = torch.nn.functional.mse_loss(predict(retained), retained.noise)
        gradients.retained(loss)
        removed = removed.noised_like(retained)
        target = uniform(*removed.noise.shape[1:])
        gradients.removed(torch.nn.functional.mse_loss(predict(removed), target))
        return loss.detach()

    def factor(self, products: Products) -> float:
        """What G_a counts; 0 where it vanishes."""
        if products.removed == 0:
            return 0.0
        eta: float = self.options.eta
        return max(0.0, eta - products.mixed / products.removed)
