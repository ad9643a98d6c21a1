"""All parameters of the network."""

import torch

from diffcredit.training.parameters import Group


class Everything:
    """The network is trained as it is."""

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """One group of all parameters."""
        return [Group(list(network.parameters()), 1.0)]

    def merge(self, network: torch.nn.Module) -> None:
        """Nothing was added."""
