"""The interface of choices of trained parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffcredit.config.options import Implementation
from diffcredit.lazy import torch


@dataclass(frozen=True)
class Group:
    """Parameters that share a learning rate.

    Attributes:
        parameters: trained parameters.
        scale: factor of the recipe's learning rate.
    """

    parameters: list[torch.nn.Parameter]
    scale: float


class Parameters(Implementation):
    """Prepares a network for a training, and merges the trained parameters afterwards.

    Attributes:
        complete: whether the whole network is trained, as a training from scratch needs it.
    """

    complete: ClassVar[bool] = False

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """Prepare a network in place; returns all trained parameters, the others are frozen."""
        raise NotImplementedError

    def merge(self, network: torch.nn.Module) -> None:
        """Restore, in place, the original layers of the network, with the trained weights."""
        raise NotImplementedError
