"""Per-image gradients, layer by layer, from the layer's input and the gradient of its output.

A layer object gets the input in the forward pass and the gradient of the output in the backward
pass. It returns the gradient of the layer's parameters for every image, with projected factors. An
image has several rows, one for each timestep; its gradient is their sum.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional, grad

from diffcredit.attribution.gradients.projection import Buckets, ColumnRange, Exact, Projection
from diffcredit.errors import UserError

Projector = Projection | Exact


class Layer(Protocol):
    """Per-image gradients of the parameters of one module.

    Attributes:
        size: entries of the gradient of one image, after its factors are projected.
    """

    size: int

    def saw(self, given: torch.Tensor) -> torch.Tensor:
        """The part of an input that the gradient needs."""
        ...

    def gradient(self, kept: torch.Tensor, back: torch.Tensor, images: int) -> torch.Tensor:
        """(images, size), given the gradient of the output."""
        ...


class _Product(ABC):
    """Layers whose gradient is a sum over positions of outer products of two factors.

    Attributes:
        left, right: (side, size) projections of gradients of outputs, and of inputs; None where
            these are not projected.
        bias: whether the layer has a bias.
        rows, columns: of the projected gradient of the weight; each position of a kernel has its
            own columns.
    """

    def __init__(
        self, module: Any, name: str, projector: Projector, outputs: int, inputs: int, copies: int
    ):
        device = module.weight.device
        self.left = _on(device, projector.factor(outputs, name, "outputs"))
        self.right = _on(device, projector.factor(inputs, name, "inputs"))
        self.bias = getattr(module, "bias", None) is not None
        self.rows = outputs if self.left is None else len(self.left)
        self.columns = (inputs if self.right is None else len(self.right)) * copies
        self.size = self.rows * (self.columns + self.bias)

    def saw(self, given: torch.Tensor) -> torch.Tensor:
        """The part of an input that the gradient needs."""
        return given if self.right is None else self._projected(self.right, given)

    def gradient(self, kept: torch.Tensor, back: torch.Tensor, images: int) -> torch.Tensor:
        """(images, size), given the gradient of the output."""
        if self.left is not None:
            back = self._projected(self.left, back)
        entries, sums = self._summed(kept, back, images)
        if self.bias:  # the weight of a constant input of 1
            entries = torch.cat([entries, sums[..., None]], 2)
        return self._ordered(entries).flatten(1)

    @abstractmethod
    def _projected(self, factor: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Project inputs, or gradients of outputs."""

    @abstractmethod
    def _summed(
        self, kept: torch.Tensor, back: torch.Tensor, images: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(images, rows, columns) products and (images, rows) gradients, summed over positions."""

    def _ordered(self, entries: torch.Tensor) -> torch.Tensor:
        """Entries in the order of the weight."""
        return entries


def _on(device: torch.device, factor: torch.Tensor | None) -> torch.Tensor | None:
    return None if factor is None else factor.to(device)


class _Dense(_Product):
    """Layers of (..., size) inputs that treat each position separately."""

    def _projected(self, factor: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return values @ factor.mT

    def _summed(
        self, kept: torch.Tensor, back: torch.Tensor, images: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        back = back.reshape(images, -1, self.rows)
        return back.mT @ kept.reshape(images, -1, self.columns), back.sum(1)


class LinearLayer(_Dense):
    """y = W x + b."""

    def __init__(self, module: nn.Linear, name: str, projector: Projector):
        super().__init__(module, name, projector, module.out_features, module.in_features, 1)


class EmbeddingLayer(_Dense):
    """A row of a table: a linear layer, transposed, on the one-hot number."""

    def __init__(self, module: nn.Embedding, name: str, projector: Projector):
        super().__init__(module, name, projector, module.embedding_dim, module.num_embeddings, 1)
        self.numbers = module.num_embeddings

    def saw(self, given: torch.Tensor) -> torch.Tensor:
        """The part of the indices that the gradient needs."""
        return super().saw(functional.one_hot(given, self.numbers).float())

    def _ordered(self, entries: torch.Tensor) -> torch.Tensor:
        return entries.mT


class ConvolutionLayer(_Product):
    """A convolution in two dimensions: a linear layer on every patch.

    The channels of a patch are projected, its positions are not.
    """

    def __init__(self, module: nn.Conv2d, name: str, projector: Projector):
        if module.groups != 1 or module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise UserError(
                f"layer {name}: gradients of grouped convolutions, of padding by name and of "
                "padding other than with zeros are not known"
            )
        self.module = module
        places = math.prod(module.kernel_size)
        super().__init__(module, name, projector, module.out_channels, module.in_channels, places)

    def _projected(self, factor: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return (factor @ values.flatten(2)).unflatten(2, values.shape[2:])

    def _summed(
        self, kept: torch.Tensor, back: torch.Tensor, images: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # Images become groups of one convolution, which sums over positions and rows at once. This
        # is several times faster than products of unfolded patches.
        kept, back = _side_by_side(kept, images), _side_by_side(back, images)
        shape = (images * self.rows, kept.shape[1] // images, *self.module.kernel_size)
        weight = grad.conv2d_weight(
            kept,
            shape,
            back,
            stride=self.module.stride,
            padding=self.module.padding,
            dilation=self.module.dilation,
            groups=images,
        )
        sums = back.sum((0, 2, 3)).reshape(images, self.rows)
        return weight.reshape(images, self.rows, self.columns), sums


def _side_by_side(rows: torch.Tensor, images: int) -> torch.Tensor:
    """(images x timesteps, channels, h, w) as (timesteps, images x channels, h, w)."""
    return rows.unflatten(0, (images, -1)).transpose(0, 1).flatten(1, 2)


class NormLayer:
    """Group or layer norm: y = gamma x' + beta for normalized x'."""

    def __init__(self, module: nn.GroupNorm | nn.LayerNorm, name: str, projector: Projector):
        self.module = module
        self.size = sum(parameter.numel() for parameter in module.parameters())

    def saw(self, given: torch.Tensor) -> torch.Tensor:
        """The input; the network keeps it anyway."""
        return given

    def gradient(self, kept: torch.Tensor, back: torch.Tensor, images: int) -> torch.Tensor:
        """(images, size), given the gradient of the output."""
        both = [self._by_channel(back * self._normalized(kept))]
        if self.module.bias is not None:
            both.append(self._by_channel(back))
        return torch.cat(both, 1).unflatten(0, (images, -1)).sum(1)

    def _normalized(self, given: torch.Tensor) -> torch.Tensor:
        if isinstance(self.module, nn.GroupNorm):
            return functional.group_norm(given, self.module.num_groups, eps=self.module.eps)
        shape = list(self.module.normalized_shape)
        return functional.layer_norm(given, shape, eps=self.module.eps)

    def _by_channel(self, rows: torch.Tensor) -> torch.Tensor:
        """(rows, channels), summed over positions."""
        if isinstance(self.module, nn.GroupNorm):
            return rows.flatten(2).sum(2)
        return rows.reshape(len(rows), -1, self.module.weight.numel()).sum(1)


KINDS: dict[type[nn.Module], Any] = {
    nn.Linear: LinearLayer,
    nn.Conv2d: ConvolutionLayer,
    nn.GroupNorm: NormLayer,
    nn.LayerNorm: NormLayer,
    nn.Embedding: EmbeddingLayer,
}


@dataclass(frozen=True)
class ProjectedLayer:
    """A module, its per-image gradients, and the place of their entries in the features."""

    module: nn.Module
    layer: Layer
    place: Buckets | ColumnRange


def layers_of(network: nn.Module, projector: Projector) -> list[ProjectedLayer]:
    """The layers of a network that have parameters.

    Raises:
        UserError: if the gradients of a kind of layer are not implemented.
    """
    offset, found = 0, []
    for name, module in _own_parameters(network):
        kind = next((made for base, made in KINDS.items() if isinstance(module, base)), None)
        if kind is None:
            raise UserError(
                f"layer {name}: gradients of {type(module).__name__} are not known; "
                f"known are: {', '.join(base.__name__ for base in KINDS)}"
            )
        layer = kind(module, name, projector)
        place = projector.fold(layer.size, name, offset).to(next(module.parameters()).device)
        offset += layer.size
        found.append(ProjectedLayer(module, layer, place))
    return found


def _own_parameters(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in network.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            yield name, module
