"""Influence unlearning: one Newton step away from the removed images (Jia et al. 2023).

With the gradients g of the mean loss, n_f of n images removed and n_r retained, the step is
H^-1 [(1/n) sum_removed g - (n_f / (n n_r)) sum_retained g], which is the difference of the two mean
gradients times n_f / n.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Influence:
    """A closed form: it moves the parameters by ``ratio`` times the step.

    Attributes:
        ratio: how far along the step.
        batches: retained and removed batches that the gradients are taken on.
        damping: added to the diagonal of the Fisher matrix.
    """

    ratio: float
    batches: int
    damping: float
    uses_removed = True

    def steps(self, removed: int, batch_size: int) -> int:
        """One."""
        return 1

    def change(
        self,
        retained: torch.Tensor,
        removed: torch.Tensor,
        count_retained: int,
        count_removed: int,
    ) -> torch.Tensor:
        """What to add to the P parameters.

        Args:
            retained: (batches, P) gradient of each retained batch.
            removed: (batches, P) gradient of each removed batch.
            count_retained: number of retained images.
            count_removed: number of removed images.
        """
        fraction = count_removed / (count_retained + count_removed)
        vector = fraction * (removed.mean(0) - retained.mean(0))
        return self.ratio * woodfisher(retained, vector, self.damping)


def woodfisher(gradients: torch.Tensor, vector: torch.Tensor, damping: float) -> torch.Tensor:
    """(damping I + G^T G / m)^-1 v, the inverse of an empirical Fisher matrix times a vector.

    WoodFisher (Singh & Alistarh 2020, arXiv 2004.14340) applies Woodbury's identity to one gradient
    after the other; here it is applied to all at once: (v - G^T (m damping I + G G^T)^-1 G v) /
    damping. Memory is linear in the parameters: no matrix is larger than G. (Keeping but one vector
    o of the recursion, as published code does, leaves o a multiple of the first gradient, and
    inverts I + g_1 sum_{i > 1} g_i^T / n instead.)

    Args:
        gradients: (m, P) G, one gradient a row.
        vector: (P,) v.
        damping: above 0.

    Returns:
        (P,).
    """
    count = len(gradients)
    gram = (gradients @ gradients.T).double()
    gram.diagonal().add_(count * damping)
    weights = torch.linalg.solve(gram, (gradients @ vector).double())
    return (vector - gradients.T @ weights.to(vector.dtype)) / damping
