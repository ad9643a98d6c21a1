"""Adam (Kingma & Ba 2015, arXiv 1412.6980)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffcredit.lazy import torch
from diffcredit.training.optimizers.optimizer import Moments, Optimizer


class Adam(Optimizer):
    """Adam, without weight decay."""

    class Options(Moments):
        """Its moments."""

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """See `Optimizer.over`."""
        first, second = self.options.betas
        return torch.optim.Adam(
            groups,
            lr=learning_rate,
            betas=(first, second),
            eps=self.options.epsilon,
            fused=True,
        )
