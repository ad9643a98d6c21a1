"""Low-rank adapters: W + (alpha / rank) B A, with W as it was (Hu et al. 2021, arXiv 2106.09685).

B begins at 0, so that the network begins as it was; with LoRA+ (Hayou et al. 2024, arXiv
2402.12354) it learns faster than A.
"""

from dataclasses import dataclass

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer

from diffcredit.errors import UserError
from diffcredit.training.parameters import Group


@dataclass(frozen=True)
class Lora:
    """Adapters on some layers.

    Attributes:
        rank: of A (rank x inputs) and B (outputs x rank).
        alpha: their product counts alpha / rank.
        dropout: fraction of an adapter's inputs that are dropped while training.
        layers: linear or convolutional layers whose names are these, or end in one after a dot.
        learning_rate_ratio: learning rate of B over that of A.
    """

    rank: int
    alpha: float
    dropout: float
    layers: list[str]
    learning_rate_ratio: float

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """Put adapters beside the layers, A drawn from ``seed``; returns A's and B's.

        Raises:
            UserError: if the network has no layers of one of the names.
        """
        _check_layers(network, self.layers)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]
            lora_dropout=self.dropout,
            target_modules=self.layers,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inject_adapter_in_model(config, network)
        learned = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        return [
            Group([p for name, p in learned if ".lora_A." in name], 1.0),
            Group([p for name, p in learned if ".lora_B." in name], self.learning_rate_ratio),
        ]

    def merge(self, network: torch.nn.Module) -> None:
        """Add the adapters to the weights of their layers and take them away."""
        for name, module in list(network.named_modules()):
            if isinstance(module, BaseTunerLayer):
                module.merge()
                parent, _, own = name.rpartition(".")
                setattr(network.get_submodule(parent), own, module.get_base_layer())
        del network.peft_config
        network.requires_grad_(True)


def _check_layers(network: torch.nn.Module, wanted: list[str]) -> None:
    layers = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    ]
    for ending in wanted:
        if not any(f".{name}".endswith(f".{ending}") for name in layers):
            known = sorted({_ending(name) for name in layers})
            raise UserError(
                f"parameters.lora.layers: the network has no layer whose name ends in {ending!r}; "
                f"there are: {', '.join(known)}"
            )


def _ending(name: str) -> str:
    """The last part of a layer's name, the last two where it is a number."""
    parts = name.split(".")
    return ".".join(parts[-2:] if parts[-1].isdigit() else parts[-1:])
