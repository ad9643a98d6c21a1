"""AdamW whose moments are stored in 8 bits (Dettmers et al. 2022, arXiv 2110.02861)."""

from collections.abc import Sequence
from typing import Any

import torch

from diffcredit.errors import UserError


def adam8bit(
    groups: Sequence[dict[str, Any]],
    learning_rate: float,
    betas: Sequence[float],
    epsilon: float,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """AdamW of bitsandbytes; tensors of fewer than 4,096 entries keep moments of 32 bits.

    Args:
        groups: ``params`` of each, and ``scale``, by which its learning rate is multiplied.
        learning_rate: of the first step.
        betas: decays of the two moments.
        epsilon: added to the root of the second moment.
        weight_decay: weights shrink by this times the learning rate in each step.

    Raises:
        UserError: if bitsandbytes is not installed.
    """
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise UserError(
            f"the optimizer adam8bit needs the package bitsandbytes: {error}\n"
            '    Hint: pip install "bitsandbytes>=0.45,<1", or diffcredit[adam8bit]'
        ) from error
    first, second = betas
    made: torch.optim.Optimizer = AdamW8bit(
        groups, lr=learning_rate, betas=(first, second), eps=epsilon, weight_decay=weight_decay
    )
    return made
