"""Remove from a fresh network the channels that a recorded pruning removed.

Separate from the pruners, so that reading a pruned model does not import them.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch_pruning as tp

from diffcredit.models.lean import lean_imports

with lean_imports():
    from diffusers.models.downsampling import Downsample2D
    from diffusers.models.upsampling import Upsample2D


def replay(
    network: torch.nn.Module, history: list[Any], inputs: Mapping[str, torch.Tensor]
) -> None:
    """Remove channels in place.

    Args:
        network: the whole network, before pruning.
        history: the removed channels, as recorded by torch-pruning.
        inputs: keyword arguments with which the network can be traced.
    """
    graph = tp.DependencyGraph().build_dependency(network, inputs)
    graph.load_pruning_history(history)
    update_channels(network)


def update_channels(network: torch.nn.Module) -> None:
    """Update the channel numbers of resampling layers, which pruning does not change."""
    for module in network.modules():
        if isinstance(module, Downsample2D | Upsample2D) and module.conv is not None:
            module.channels = module.conv.in_channels
            module.out_channels = module.conv.out_channels
