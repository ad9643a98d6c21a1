"""Baselines of pruning: random channels, with the trained or with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diffcredit.lazy import torch
from diffcredit.models.pruning.pruner import Pruner
from diffcredit.seeds import derive

if TYPE_CHECKING:
    from diffcredit.models.checkpoints import Trained
    from diffcredit.models.pruning.structure import Material, Size


class RandomImportance:
    """Uniform importance from a seed; torch-pruning's own uses the global random state."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, group: Any) -> torch.Tensor:
        """(channels of the group,) in [0, 1)."""
        return torch.rand(len(group[0].idxs), generator=self.generator)


class Random(Pruner):
    """Removes channels uniformly at random."""

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """See `Pruner.prune`."""
        from diffcredit.models.pruning.structure import prune

        seed = derive(material.seed, "channels")
        return prune(trained, ratio, lambda network: RandomImportance(seed))


class Reinit(Random):
    """Removes channels at random, then initializes all weights again: only the shape is kept."""

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """See `Pruner.prune`."""
        smaller, size = super().prune(trained, ratio, material)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(material.seed, "weights"))
            for module in smaller.network.modules():
                if callable(reset := getattr(module, "reset_parameters", None)):
                    reset()
        return smaller, size
