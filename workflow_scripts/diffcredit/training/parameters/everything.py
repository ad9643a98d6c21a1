"""All parameters of the network."""

from __future__ import annotations

from diffcredit.lazy import torch
from diffcredit.training.parameters.parameters import Group, Parameters


class Everything(Parameters):
    """All parameters are trained."""

    complete = True

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """One group of all parameters."""
        return [Group(list(network.parameters()), 1.0)]

    def merge(self, network: torch.nn.Module) -> None:
        """Nothing to do: there are no adapters."""
