"""Influence unlearning: one Newton step away from the removed images (Jia et al. 2023).

With the gradients g of the mean loss, n_f of n images removed and n_r retained, the step is
H^-1 [(1/n) sum_removed g - (n_f / (n n_r)) sum_retained g], which is the difference of the two mean
gradients times n_f / n.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from diffcredit.config.sections import Count, Rate
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import ClosedForm, GradientRows


class Influence(ClosedForm):
    """Moves the parameters by ``ratio`` times the Newton step away from the removed images."""

    class Options(ClosedForm.Options):
        """How far the step goes, and how the Fisher matrix is inverted."""

        ratio: Rate = Field(0.5, description="how far along the computed step to go, above 0")
        batches: Count | Literal["all"] = Field(
            16,
            description="batches of retained and of removed images that it sees, 1 or more; all: "
            "one pass over the images",
        )
        damping: Rate = Field(
            1.0, description="added to the diagonal of the Fisher matrix, above 0"
        )
        inverse: Literal["exact", "published"] = Field(
            "exact",
            description="exact: of the damped Fisher matrix (all retained gradients are in memory "
            "at once); published: one vector of its recursion, no damping",
        )

    @property
    def batches(self) -> int | Literal["all"]:
        """Retained and removed batches that the gradients are taken on."""
        found: int | Literal["all"] = self.options.batches
        return found

    def change(
        self,
        retained: GradientRows,
        removed: GradientRows,
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
        if self.options.inverse == "published":
            vector = fraction * (_mean(removed) - _mean(retained))
            return self.options.ratio * one_vector(retained, vector, count_retained)
        rows = _matrix(retained)
        vector = fraction * (_matrix(removed).mean(0) - rows.mean(0))
        return self.options.ratio * woodfisher(rows, vector, self.options.damping)


def _mean(gradients: GradientRows) -> torch.Tensor:
    """(P,) without a matrix."""
    total: torch.Tensor = sum(gradients)  # type: ignore[assignment]
    return total / len(gradients)


def _matrix(gradients: GradientRows) -> torch.Tensor:
    """(m, P)."""
    if isinstance(gradients, torch.Tensor):
        return gradients
    rows = iter(gradients)
    first = next(rows)
    found = first.new_empty(len(gradients), len(first))
    found[0] = first
    for place, row in enumerate(rows, start=1):
        found[place] = row
    return found


def one_vector(gradients: Iterable[torch.Tensor], vector: torch.Tensor, count: int) -> torch.Tensor:
    """What the published influence unlearning makes of WoodFisher's recursion.

    With k = v and o = g_1, for each later g: a = o.g, then k <- k - (k.g / (n + a)) o and
    o <- o - (a / (n + a)) o. It keeps o instead of a matrix, so that o stays a multiple of g_1 (see
    `woodfisher`).

    Args:
        gradients: of P entries, one for each retained batch.
        vector: (P,) v.
        count: n, the retained images.

    Returns:
        (P,) k.
    """
    rows = iter(gradients)
    found, first = vector.clone(), next(rows).clone()
    for row in rows:
        product = first @ row
        found -= (found @ row) / (count + product) * first
        first -= product / (count + product) * first
    return found


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
