"""Remove from a fresh network the channels that a recorded pruning removed.

Apart from what prunes, so that reading a pruned model needs no pruner.
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
        network: whole, as the pruned one once was.
        history: what was removed, as torch-pruning records it.
        inputs: keyword arguments with which the network can be traced.
    """
    graph = tp.DependencyGraph().build_dependency(network, inputs)
    graph.load_pruning_history(history)
    update_channels(network)


def update_channels(network: torch.nn.Module) -> None:
    """The resampling layers check their input against numbers that pruning does not update."""
    for module in network.modules():
        if isinstance(module, Downsample2D | Upsample2D) and module.conv is not None:
            module.channels = module.conv.in_channels
            module.out_channels = module.conv.out_channels
