"""Low-rank adapters: W + (alpha / rank) B A with frozen W (Hu et al. 2021, arXiv 2106.09685).

B starts at 0, so the adapters do not change the network at first. With LoRA+ (Hayou et al. 2024,
arXiv 2402.12354) B has a larger learning rate than A.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from diffcredit.config.messages import choices, problem
from diffcredit.config.sections import Count, Rate, Real
from diffcredit.errors import UserError
from diffcredit.lazy import torch
from diffcredit.training.parameters.parameters import Group, Parameters

if TYPE_CHECKING:
    from diffcredit.config import Config

#: Last parts of the names of the U-Net's linear and convolutional layers.
LAYERS = [
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("conv_in", "conv1", "conv2", "conv_shortcut", "conv", "conv_out"),
    *("time_emb_proj", "linear_1", "linear_2"),
]


class Lora(Parameters):
    """Adapters A (rank x inputs) and B (outputs x rank) on some layers."""

    class Options(Parameters.Options):
        """Size, strength and place of the adapters."""

        rank: Count = Field(16, description="rank of an adapter, 1 or more")
        alpha: Rate = Field(
            32, description="an adapter's output is multiplied by alpha / rank; above 0"
        )
        dropout: Annotated[Real, Field(ge=0, lt=1)] = Field(
            0.05,
            description="fraction of an adapter's inputs that are dropped, at least 0, below 1",
        )
        layers: Annotated[list[str], Field(min_length=1)] = Field(
            ["to_q", "to_k", "to_v"], description="how the names of the adapted layers end"
        )
        learning_rate_ratio: Rate = Field(
            16, description="LoRA+: rate of the matrices that begin at 0 over that of the others"
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message for each layer that no network has."""
            return [
                problem(f"{key}.layers", name, f"its end {choices(name, LAYERS)}")
                for name in self.layers
                if not any(f".{name}".endswith(f".{ending}") for ending in LAYERS)
            ]

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """Add adapters to the layers, with A initialized from ``seed``; returns the groups of A and
        B.

        Raises:
            UserError: if the network has no layers with one of the names.
        """
        from peft import LoraConfig, inject_adapter_in_model

        options = self.options
        _check_layers(network, options.layers)
        config = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=options.layers,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inject_adapter_in_model(config, network)
        learned = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        return [
            Group([p for name, p in learned if ".lora_A." in name], 1.0),
            Group([p for name, p in learned if ".lora_B." in name], options.learning_rate_ratio),
        ]

    def merge(self, network: torch.nn.Module) -> None:
        """Merge the adapters into the weights of their layers, and remove them."""
        from peft.tuners.tuners_utils import BaseTunerLayer

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
                f"parameters.layers: the network has no layer whose name ends in {ending!r}; "
                f"there are: {', '.join(known)}"
            )


def _ending(name: str) -> str:
    """The last part of a layer's name; the last two parts if the last one is a number."""
    parts = name.split(".")
    return ".".join(parts[-2:] if parts[-1].isdigit() else parts[-1:])
