"""Model families: what is noised, and what predicts the noise.

A family is a class of one file and one line in the registry, built from the section `model` of the
configuration and the size of the images. Everything else - trainings, samplers, measures, gradients
- asks it for what it needs and does not know which one it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from diffcredit.config import Model
from diffcredit.models.diffusion import NoiseSchedule
from diffcredit.models.examples import Examples
from diffcredit.registry import FAMILIES, load

#: The only one that the configuration can name so far.
DEFAULT = "pixel"


@dataclass(frozen=True)
class Structure:
    """What a network is made of, as JSON can hold it.

    Attributes:
        architecture: keyword arguments of the network.
        pruning: what was removed of it; empty for a whole network.
    """

    architecture: dict[str, Any]
    pruning: list[Any] = field(default_factory=list)


class Family(Protocol):
    """A kind of diffusion model.

    Attributes:
        settings: the arguments of `of_settings` that make this family, as JSON can hold them.
        shape: (channels, height, width) of what is noised.
        schedule: alpha and sigma of each timestep.
        traits: what it can be asked for besides: "pixel_density" (see `PixelDensity`), "channels"
            (see `Channels`).
        bounds: smallest and largest value of a clean example, to which samplers clip; None where
            there is none.
        structure: of a network that is trained from scratch.
        base: digest of the frozen weights that its networks need besides; None where there are
            none.
    """

    settings: Mapping[str, Any]
    shape: tuple[int, int, int]
    schedule: NoiseSchedule
    traits: frozenset[str]
    bounds: tuple[float, float] | None
    structure: Structure
    base: str | None

    def encode(
        self, images: torch.Tensor, captions: Sequence[str | None] | None = None
    ) -> Examples:
        """Examples of (n, c, h, w) uint8 images, and of their captions where it is conditional."""
        ...

    def clean(self, examples: Examples) -> torch.Tensor:
        """(n, *shape) float32 x_0, on the CPU."""
        ...

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) uint8 images of (n, *shape) x_0, on the same device."""
        ...

    def build(self, structure: Structure, seed: int) -> torch.nn.Module:
        """A network of a structure; weights that are not those of a base are drawn from a seed."""
        ...

    def predict(
        self,
        network: torch.nn.Module,
        noised: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(n, *shape) noise in noised examples, whatever the network was trained to predict.

        Args:
            network: of this family; it may be wrapped.
            noised: (n, *shape).
            timesteps: (n,), or one number for all.
            condition: (n, ...) as `encode` makes it; None where unconditional.
        """
        ...

    def trainable(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Name -> tensor of all that a model folder keeps: nothing that is frozen."""
        ...

    def differences(self, structure: Structure) -> list[str]:
        """In what a network differs from one that is trained from scratch, for people to read."""
        ...


class PixelDensity(Family, Protocol):
    """A family with the trait "pixel_density": its density is one of images."""

    def dequantize(self, images: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
        """(n, *shape) x_0 of uint8 images, each value drawn within its 256th of the range.

        Args:
            images: (n, c, h, w) uint8.
            within: (n, c, h, w) where in its 256th each value lies, in [0, 1).
        """
        ...


class Channels(Family, Protocol):
    """A family with the trait "channels": channels of its network can be pruned."""

    def inputs(self) -> dict[str, torch.Tensor]:
        """Keyword arguments with which the network can be traced."""
        ...


def of_settings(settings: Mapping[str, Any]) -> Family:
    """The family of some settings.

    Args:
        settings: ``name`` in the registry, the section ``model`` of a configuration, ``image_size``
            and ``channels`` of the images.
    """
    model = Model.model_validate(settings["model"])
    return build(settings["name"], model, settings["image_size"], settings["channels"])


def build(name: str, model: Model, image_size: int, channels: int) -> Family:
    """The family of a name in the registry, for images of a size.

    Args:
        name: in the registry.
        model: section of the configuration.
        image_size: side of the images in pixels.
        channels: of the images, 1 or 3.
    """
    made: Family = load(FAMILIES, name)(model, image_size, channels)
    return made
