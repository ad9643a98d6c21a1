"""Magnitude pruning: remove channels with small weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffcredit.models.pruning.pruner import Pruner

if TYPE_CHECKING:
    from diffcredit.models.checkpoints import Trained
    from diffcredit.models.pruning.structure import Material, Size


class Magnitude(Pruner):
    """Ranks channels by the sum of their squared weights; needs no data."""

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """See `Pruner.prune`."""
        from torch_pruning.pruner.importance import MagnitudeImportance

        from diffcredit.models.pruning.structure import prune

        return prune(trained, ratio, lambda network: MagnitudeImportance())
