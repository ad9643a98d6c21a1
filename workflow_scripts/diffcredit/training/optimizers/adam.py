"""Adam (Kingma & Ba 2015, arXiv 1412.6980)."""

from collections.abc import Sequence
from typing import Any

import torch


def adam(
    groups: Sequence[dict[str, Any]],
    learning_rate: float,
    betas: Sequence[float],
    epsilon: float,
) -> torch.optim.Optimizer:
    """Adam over groups of parameters.

    Args:
        groups: ``params`` of each, and ``scale``, by which its learning rate is multiplied.
        learning_rate: of the first step.
        betas: decays of the two moments.
        epsilon: added to the root of the second moment.
    """
    first, second = betas
    return torch.optim.Adam(
        groups, lr=learning_rate, betas=(first, second), eps=epsilon, fused=True
    )
