"""What the training loop asks of a choice of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffcredit.config.options import Implementation
from diffcredit.lazy import torch


@dataclass(frozen=True)
class Group:
    """Parameters that share a learning rate.

    Attributes:
        parameters: what is trained.
        scale: factor of the learning rate of the recipe.
    """

    parameters: list[torch.nn.Parameter]
    scale: float


class Parameters(Implementation):
    """Prepares a network for a training, and takes what was learned into it afterwards.

    Attributes:
        complete: whether the whole network is trained, as a training from scratch needs it.
    """

    complete: ClassVar[bool] = False

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """Prepare a network in place; returns all that is trained, the rest stays as it is."""
        raise NotImplementedError

    def merge(self, network: torch.nn.Module) -> None:
        """Turn it, in place, into a network like the one before, with what was learned."""
        raise NotImplementedError
