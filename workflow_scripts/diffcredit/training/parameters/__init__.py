"""What of a network is trained: all of its parameters, or adapters beside them."""

from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class Group:
    """Parameters that share a learning rate.

    Attributes:
        parameters: what is trained.
        scale: times the rate of the plan.
    """

    parameters: list[torch.nn.Parameter]
    scale: float


class Parameters(Protocol):
    """What the loop needs to know."""

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """Prepare a network in place; returns all that is trained, the rest stays as it is."""
        ...

    def merge(self, network: torch.nn.Module) -> None:
        """Make of it, in place, a network like the one before, with what was learned."""
        ...
