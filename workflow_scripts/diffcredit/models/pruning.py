"""Structured pruning: whole channels are removed, so that the network is really smaller.

A pruner ranks channels; `prune` removes them through torch-pruning's dependency graph. The last
convolution keeps its channels, attention heads stay divisible and group norms keep their groups.
"""

import copy
from typing import Any

import torch
import torch_pruning as tp
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.upsampling import Upsample2D

from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Description, Trained


def magnitude() -> tp.importance.Importance:
    """Channels of small weights go first."""
    return tp.importance.MagnitudeImportance()


def prune(
    trained: Trained, importance: tp.importance.Importance, ratio: float
) -> tuple[Trained, dict[str, int]]:
    """A smaller copy of a network.

    Args:
        trained: the network to prune; it is left alone.
        importance: what ranks the channels.
        ratio: fraction of channels to remove, in (0, 1). Group norms of g groups remove
            channels g at a time, so that more may go than asked for.

    Returns:
        The pruned network, and its size: parameters and multiply-adds before and after.

    Raises:
        UserError: if rounding leaves the number of parameters unchanged, or a group no channel.
    """
    network = copy.deepcopy(trained.network).cpu().eval()
    _check_ratio(network, ratio)
    inputs = _example(trained.description.architecture)
    operations, parameters = tp.utils.count_ops_and_params(network, inputs)
    pruner = tp.pruner.BasePruner(
        network,
        inputs,
        importance=importance,
        pruning_ratio=ratio,
        ignored_layers=[network.conv_out],
        # Fresh dictionaries: the library's defaults are shared between all its pruners.
        in_channel_groups={},
        out_channel_groups=_heads(network),
    )
    pruner.step()
    _update_channels(network)
    smaller_operations, smaller = tp.utils.count_ops_and_params(network, inputs)
    if smaller >= parameters:
        raise UserError(
            f"pruned.ratio = {ratio}: rounding to whole groups leaves {parameters} parameters\n"
            "    Hint: a larger ratio, or fewer model.norm_groups: each group gives whole channels"
        )
    history = [*trained.description.pruning, *pruner.pruning_history()]
    size = {
        "parameters_before": int(parameters),
        "parameters_after": int(smaller),
        "multiply_adds_before": int(operations),
        "multiply_adds_after": int(smaller_operations),
    }
    return Trained(network, Description(trained.description.architecture, history)), size


def _check_ratio(network: torch.nn.Module, ratio: float) -> None:
    """Where a group would keep no channel, torch-pruning silently leaves the layer as it is."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.GroupNorm)]
    largest = min(1 - norm.num_groups / norm.num_channels for norm in norms)
    if ratio > largest + 1e-9:
        raise UserError(
            f"pruned.ratio = {ratio}: each group of the group norms must keep a channel\n"
            f"    Hint: a smaller ratio, at most {largest:.3g}, or fewer model.norm_groups"
        )


def replay(network: torch.nn.Module, history: list[Any], architecture: dict[str, Any]) -> None:
    """Remove from a fresh network, in place, the channels that a recorded pruning removed."""
    graph = tp.DependencyGraph().build_dependency(network, _example(architecture))
    graph.load_pruning_history(history)
    _update_channels(network)


def _example(architecture: dict[str, Any]) -> dict[str, torch.Tensor]:
    side = architecture["sample_size"]
    image = torch.zeros(1, architecture["in_channels"], side, side)
    return {"sample": image, "timestep": torch.zeros(1, dtype=torch.long)}


def _heads(network: torch.nn.Module) -> dict[torch.nn.Module, int]:
    attentions = [m for m in network.modules() if isinstance(m, Attention)]
    return {layer: m.heads for m in attentions for layer in (m.to_q, m.to_k, m.to_v)}


def _update_channels(network: torch.nn.Module) -> None:
    """The resampling layers check their input against numbers that pruning does not update."""
    for module in network.modules():
        if isinstance(module, Downsample2D | Upsample2D) and module.conv is not None:
            module.channels = module.conv.in_channels
            module.out_channels = module.conv.out_channels
