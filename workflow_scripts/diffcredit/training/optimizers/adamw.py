"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101)."""

from collections.abc import Sequence
from typing import Any

import torch


def adamw(
    groups: Sequence[dict[str, Any]],
    learning_rate: float,
    betas: Sequence[float],
    epsilon: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """AdamW over groups of parameters.

    Args:
        groups: ``params`` of each, and ``scale``, by which its learning rate is multiplied.
        learning_rate: of the first step.
        betas: decays of the two moments.
        epsilon: added to the root of the second moment.
        weight_decay: weights shrink by this times the learning rate in each step.
    """
    first, second = betas
    return torch.optim.AdamW(
        groups,
        lr=learning_rate,
        betas=(first, second),
        eps=epsilon,
        weight_decay=weight_decay,
        fused=True,
    )
