"""The interface of pruners."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from diffcredit.config.options import Implementation

if TYPE_CHECKING:
    from diffcredit.models.checkpoints import Trained
    from diffcredit.models.pruning.structure import Material, Size


class Pruner(Implementation):
    """Makes a trained network smaller."""

    requires: ClassVar[frozenset[str]] = frozenset({"channels"})

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """A smaller copy of a network, and its size.

        Args:
            trained: the network to prune; it is not changed.
            ratio: fraction of channels to remove, above 0 and below 1.
            material: further inputs of the pruner.
        """
        raise NotImplementedError
