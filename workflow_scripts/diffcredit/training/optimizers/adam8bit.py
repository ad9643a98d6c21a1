"""AdamW whose moments are stored in 8 bits (Dettmers et al. 2022, arXiv 2110.02861)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffcredit.config.messages import problem
from diffcredit.lazy import torch
from diffcredit.training.optimizers.optimizer import DecayedMoments, Optimizer

if TYPE_CHECKING:
    from diffcredit.config import Config

INSTALL = 'pip install "bitsandbytes>=0.45,<1", or diffcredit[adam8bit]'


class Adam8bit(Optimizer):
    """AdamW of bitsandbytes; tensors of fewer than 4,096 entries keep moments of 32 bits."""

    class Options(DecayedMoments):
        """Its moments, and the weight decay."""

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message if bitsandbytes is not installed."""
            if find_spec("bitsandbytes") is not None:
                return []
            accepted = "needs the package bitsandbytes, which is not installed"
            return [problem(key, self.name, accepted, INSTALL)]

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """See `Optimizer.over`."""
        from bitsandbytes.optim import AdamW8bit

        first, second = self.options.betas
        made: torch.optim.Optimizer = AdamW8bit(
            groups,
            lr=learning_rate,
            betas=(first, second),
            eps=self.options.epsilon,
            weight_decay=self.options.weight_decay,
        )
        return made
