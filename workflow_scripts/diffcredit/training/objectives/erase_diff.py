"""EraseDiff: denoise the retained images, and see uniform noise in the removed ones.

Wu et al. 2024, arXiv 2401.05779, in the first-order form that Alberti et al. 2025 (arXiv
2503.01034) compare with; as there, retained and removed images share noise and timesteps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from diffcredit.training.batches import Batch
from diffcredit.training.protocols import Accumulators, Predict, Products


@dataclass(frozen=True)
class EraseDiff:
    """G_x + max(0, eta - <G_x, G_a> / ||G_a||^2) G_a, whose product with G_a is >= eta ||G_a||^2.

    Attributes:
        eta: above 0.
    """

    eta: float
    uses_removed = True

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Callable[..., torch.Tensor],
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
        return max(0.0, self.eta - products.mixed / products.removed)
