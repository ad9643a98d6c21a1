"""Channels drawn at random, and the same with fresh weights: what a ranking is compared with."""

import torch
import torch_pruning as tp

from diffcredit.models.checkpoints import Trained
from diffcredit.models.pruning.structure import Material, Size, prune
from diffcredit.seeds import derive


class Drawn(tp.importance.Importance):
    """Uniform importance from a seed; torch-pruning's own draws from the global state."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, group: tp.Group) -> torch.Tensor:
        """(channels of the group,) in [0, 1)."""
        return torch.rand(len(group[0].idxs), generator=self.generator)


def random(trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
    """Remove channels uniformly at random."""
    seed = derive(material.seed, "channels")
    return prune(trained, ratio, lambda network: Drawn(seed))


def reinit(trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
    """Remove channels at random, then draw all weights anew: only the smaller shape is kept."""
    smaller, size = random(trained, ratio, material)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(material.seed, "weights"))
        for module in smaller.network.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    return smaller, size
