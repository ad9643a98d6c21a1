"""Sizes of a U-Net, whole or pruned by a ratio, computed without building the network."""

import bisect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Target = Literal["parameters", "multiply_adds"]
#: Smallest side of the coarsest level: the features of a single pixel have no spread to be
#: normalized by.
LEAST_SIDE = 2


def largest_ratio(channels: int, groups: int) -> float:
    """The largest ratio that leaves a channel in each group, with a margin for rounding."""
    return 1 - groups / channels + 1e-9


def accepted_ratios(channels: int, groups: int) -> str:
    """The same for a message, rounded down so that the number told is accepted."""
    largest = math.floor(1000 * largest_ratio(channels, groups)) / 1000
    return f"at most {largest:g}" if largest > 0 else "none; fewer model.norm_groups"


@dataclass(frozen=True)
class UNet:
    """Sizes of a UNet2DModel with attention in its middle.

    Attributes:
        channels: of each resolution, finest first.
        attention: whether each of them attends.
        layers: residual layers in a block.
        groups: of the group norms.
        head_dim: channels of an attention head; None: all of a resolution's.
        image_channels: 1 or 3.
        side: of the images.
    """

    channels: tuple[int, ...]
    attention: tuple[bool, ...]
    layers: int
    groups: int
    head_dim: int | None
    image_channels: int
    side: int

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return size(self, "parameters")

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of a prediction for one image."""
        return size(self, "multiply_adds")

    @property
    def outputs(self) -> int:
        """Numbers that all layers put out for one image."""
        return sum(layer.outputs * layer.positions for layer in _Pruned(self, 0.0).layers())

    @property
    def largest_ratio(self) -> float:
        """Of channels: one is left in each norm group of the narrowest resolution."""
        return 1 - self.groups / min(self.channels)


#: What diffusers takes where a UNet2DModel's configuration does not say.
DEFAULTS: dict[str, Any] = {
    "block_out_channels": [224, 448, 672, 896],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "attention_head_dim": 8,
    "in_channels": 3,
}


def unet(architecture: Mapping[str, Any]) -> UNet:
    """Sizes from the keyword arguments of a UNet2DModel."""
    known = {**DEFAULTS, **architecture}
    return UNet(
        tuple(known["block_out_channels"]),
        tuple(name.startswith("Attn") for name in known["down_block_types"]),
        known["layers_per_block"],
        known["norm_num_groups"],
        known["attention_head_dim"],
        known["in_channels"],
        known["sample_size"],
    )


@dataclass(frozen=True)
class _Layer:
    """A convolution, or a linear layer where kernel is 1, on so many positions; or a norm."""

    kind: Literal["convolution", "linear", "norm"]
    inputs: int
    outputs: int
    positions: int
    kernel: int = 1

    @property
    def parameters(self) -> int:
        if self.kind == "norm":
            return 2 * self.outputs
        return (self.inputs * self.kernel**2 + 1) * self.outputs

    @property
    def multiply_adds(self) -> int:
        if self.kind == "norm":
            return 2 * self.outputs * self.positions
        bias = 1 if self.kind == "linear" else self.positions
        return (self.inputs * self.kernel**2 * self.positions + bias) * self.outputs


class _Pruned:
    """Layers of a U-Net whose channels were removed by a ratio."""

    def __init__(self, network: UNet, ratio: float):
        self.network = network
        self.left = 1 - max(0.0, ratio - 1e-9)

    def width(self, *channels: int) -> int:
        """Channels left of a convolution's, or of several that are concatenated."""
        groups = self.network.groups
        return sum(groups * int(width // groups * self.left) for width in channels)

    def layers(self) -> Iterator[_Layer]:
        """All of them."""
        net, first = self.network, self.network.channels[0]
        sides = [net.side // 2**level for level in range(len(net.channels))]
        time = int(4 * first * self.left)
        yield _Layer("convolution", net.image_channels, self.width(first), net.side**2, 3)
        yield _Layer("linear", first, time, 1)
        yield _Layer("linear", time, time, 1)
        before = first
        for level, (width, side) in enumerate(zip(net.channels, sides, strict=True)):
            last = level == len(sides) - 1
            for number in range(net.layers):
                joined = (before,) if number == 0 else (width,)
                yield from self._residual(joined, width, side, time)
                if net.attention[level]:
                    yield from self._attention(width, side)
            if not last:
                kept = self.width(width)
                yield _Layer("convolution", kept, kept, sides[level + 1] ** 2, 3)
            before = width
        yield from self._residual((before,), before, sides[-1], time)
        yield from self._attention(before, sides[-1])
        yield from self._residual((before,), before, sides[-1], time)
        yield from self._upwards(sides, time)
        yield _Layer("norm", 0, self.width(first), net.side**2)
        yield _Layer("convolution", self.width(first), net.image_channels, net.side**2, 3)

    def _upwards(self, sides: list[int], time: int) -> Iterator[_Layer]:
        net = self.network
        before = net.channels[-1]
        for level in reversed(range(len(sides))):
            width, side = net.channels[level], sides[level]
            for number in range(net.layers + 1):
                skipped = net.channels[max(level - 1, 0)] if number == net.layers else width
                free = number == net.layers and level > 0 and not net.attention[level]
                yield from self._residual((before, skipped), width, side, time, free)
                if net.attention[level]:
                    yield from self._attention(width, side)
                before = width
            if level > 0:
                # No norm sees what the last residual layer hands to the upsampling.
                kept = int(width * self.left) if free else self.width(width)
                yield _Layer("convolution", kept, self.width(width), sides[level - 1] ** 2, 3)

    def _residual(
        self, joined: tuple[int, ...], outputs: int, side: int, time: int, free: bool = False
    ) -> Iterator[_Layer]:
        before, after = self.width(*joined), self.width(outputs)
        end = int(outputs * self.left) if free else after
        yield _Layer("norm", 0, before, side**2)
        yield _Layer("convolution", before, after, side**2, 3)
        yield _Layer("linear", time, after, 1)
        yield _Layer("norm", 0, after, side**2)
        yield _Layer("convolution", after, end, side**2, 3)
        if sum(joined) != outputs:
            yield _Layer("convolution", before, end, side**2)

    def _attention(self, width: int, side: int) -> Iterator[_Layer]:
        size = self.network.head_dim or width
        inner = width // size * max(1, int(size * self.left))
        kept = self.width(width)
        yield _Layer("norm", 0, kept, side**2)
        for _ in range(3):
            yield _Layer("linear", kept, inner, side**2)
        yield _Layer("linear", inner, kept, side**2)


def size(network: UNet, target: Target, ratio: float = 0.0) -> int:
    """Parameters, or multiply-adds for an image, that are left at a ratio of channels."""
    return sum(getattr(layer, target) for layer in _Pruned(network, ratio).layers())


def removed(network: UNet, target: Target, ratio: float) -> float:
    """The fraction of the parameters or multiply-adds that goes at a ratio of channels."""
    return 1 - size(network, target, ratio) / size(network, target)


def channel_ratio(network: UNet, target: Target, fraction: float) -> float:
    """The ratio of channels that removes the fraction of the target most nearly, by bisection.

    A ratio of channels can give a few fractions only: channels go in whole norm groups.

    Raises:
        ValueError: if no channel can go.
    """
    ratios = _different_ratios(network)
    if not ratios:
        raise ValueError("each norm group has one channel")
    place = bisect.bisect_left(ratios, fraction, key=lambda ratio: removed(network, target, ratio))
    return min(
        ratios[max(place - 1, 0) : place + 1],
        key=lambda ratio: abs(removed(network, target, ratio) - fraction),
    )


def _different_ratios(network: UNet) -> list[float]:
    """Ratios of channels at which some layer loses one more channel, ascending."""
    grouped = [width // network.groups for width in network.channels]
    heads = [network.head_dim or width for width in network.channels]
    sizes = {*grouped, *heads, *network.channels, 4 * network.channels[0]}
    found = {number / size for size in sizes for number in range(1, size)}
    return sorted(ratio for ratio in found if ratio <= network.largest_ratio)


def largest_removed(network: UNet, target: Target) -> float:
    """The largest fraction of the parameters or multiply-adds that can go; 0 where none can."""
    largest = network.largest_ratio
    return removed(network, target, largest) if largest > 0 else 0.0


def fraction_problem(network: UNet, target: Target, fraction: float) -> str | None:
    """What is accepted instead of a fraction of the target that cannot go; None where it can."""
    largest = math.floor(1000 * largest_removed(network, target)) / 1000
    if fraction <= largest:
        return None
    reason = f"each of {network.groups} norm groups must keep a channel of {min(network.channels)}"
    if largest <= 0:
        return f"{reason}; accepted: none; fewer model.norm_groups"
    return f"{reason}; accepted: at most {largest:g} of the {target}"
