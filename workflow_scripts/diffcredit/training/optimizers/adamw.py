"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffcredit.lazy import torch
from diffcredit.training.optimizers.optimizer import DecayedMoments, Optimizer


class AdamW(Optimizer):
    """AdamW."""

    class Options(DecayedMoments):
        """Its moments, and the weight decay."""

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """See `Optimizer.over`."""
        first, second = self.options.betas
        return torch.optim.AdamW(
            groups,
            lr=learning_rate,
            betas=(first, second),
            eps=self.options.epsilon,
            weight_decay=self.options.weight_decay,
            fused=True,
        )
