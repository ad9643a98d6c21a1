"""What the rest of the program asks of a model family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from diffcredit.config.options import Implementation, Options
from diffcredit.config.sections import Several
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.config.ratios import UNet
    from diffcredit.config.schema import Data
    from diffcredit.models.diffusion import NoiseSchedule
    from diffcredit.models.examples import Examples


@dataclass(frozen=True)
class Structure:
    """What a network is made of, as JSON can hold it.

    Attributes:
        architecture: keyword arguments of the network.
        pruning: what was removed of it; empty for a whole network.
    """

    architecture: dict[str, Any]
    pruning: list[Any] = field(default_factory=list)


class FamilyOptions(Options):
    """The section `model`: the family of the models, their network and their noise schedule."""

    # The section's own key says which family it is of.
    name: ClassVar[str] = ""  # type: ignore[misc]
    family: str = Field("", description="the model family")
    timesteps: Several = Field(1000, description="noise levels, 2 or more")

    def network(self, data: Data) -> UNet | None:
        """Sizes of the network for some data, for estimates; None where they are unknown."""
        return None

    @property
    def unprunable(self) -> str | None:
        """Why no channels of the network can be pruned; None where they can."""
        return None


class Family(Implementation):
    """A kind of diffusion model, made of its options for images of a size.

    Attributes:
        settings: what `of_settings` makes this family of, as JSON can hold it.
        shape: (channels, height, width) of what is noised.
        schedule: alpha and sigma of each timestep.
        traits: what it can be asked for besides: "pixel_density" (see `dequantize`), "channels"
            (see `inputs`).
        bounds: smallest and largest value of a clean example, to which samplers clip; None where
            there is none.
        encoded_by: the options that what `encode` returns depends on.
        structure: of a network that is trained from scratch.
        base: digest of the frozen weights that its networks need besides; None where there are
            none.
    """

    class Options(FamilyOptions):
        """None besides those that all families have."""

    traits: ClassVar[frozenset[str]] = frozenset()
    bounds: ClassVar[tuple[float, float] | None] = None
    encoded_by: ClassVar[frozenset[str]] = frozenset()
    base: str | None = None
    settings: Mapping[str, Any]
    shape: tuple[int, int, int]
    schedule: NoiseSchedule
    structure: Structure

    def prepare(self, image_size: int, channels: int) -> None:
        """Take the size of the images.

        Args:
            image_size: side of the images in pixels.
            channels: of the images, 1 or 3.
        """
        self.settings = {
            "model": self.options.model_dump(),
            "image_size": image_size,
            "channels": channels,
        }

    def encode(
        self, images: torch.Tensor, captions: Sequence[str | None] | None = None
    ) -> Examples:
        """Examples of (n, c, h, w) uint8 images, and of their captions where it is conditional."""
        raise NotImplementedError

    def clean(self, examples: Examples) -> torch.Tensor:
        """(n, *shape) float32 x_0, on the CPU."""
        raise NotImplementedError

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) uint8 images of (n, *shape) x_0, on the same device."""
        raise NotImplementedError

    def build(self, structure: Structure, seed: int) -> torch.nn.Module:
        """A network of a structure; weights that are not those of a base are drawn from a seed."""
        raise NotImplementedError

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
        raise NotImplementedError

    def trainable(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Name -> tensor of all that a model folder keeps: nothing that is frozen."""
        raise NotImplementedError

    def differences(self, structure: Structure) -> list[str]:
        """In what a network differs from one that is trained from scratch, for people to read."""
        raise NotImplementedError

    def dequantize(self, images: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
        """(n, *shape) x_0 of uint8 images, each value drawn within its 256th of the range.

        Of a family with the trait "pixel_density" alone, whose density is one of images.

        Args:
            images: (n, c, h, w) uint8.
            within: (n, c, h, w) where in its 256th each value lies, in [0, 1).
        """
        raise NotImplementedError

    def inputs(self) -> dict[str, torch.Tensor]:
        """Keyword arguments with which the network can be traced.

        Of a family with the trait "channels" alone, whose channels can be pruned.
        """
        raise NotImplementedError
