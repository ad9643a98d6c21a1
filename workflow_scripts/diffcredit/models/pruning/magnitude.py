"""Channels of small weights go first."""

import torch_pruning as tp

from diffcredit.models.checkpoints import Trained
from diffcredit.models.pruning.structure import Material, Size, prune


def magnitude(trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
    """Rank channels by the sum of their squared weights; needs no data."""
    return prune(trained, ratio, lambda network: tp.importance.MagnitudeImportance())
