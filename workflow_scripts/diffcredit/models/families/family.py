"""The interface of model families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from diffcredit.config.messages import problem
from diffcredit.config.options import Implementation, Options
from diffcredit.errors import UserError
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.config.schema import Config, Data
    from diffcredit.models.diffusion import NoiseSchedule
    from diffcredit.models.examples import Examples


@dataclass(frozen=True)
class Structure:
    """The structure of a network, as JSON values.

    Attributes:
        architecture: keyword arguments of the network.
        pruning: the removed channels; empty for a whole network.
    """

    architecture: dict[str, Any]
    pruning: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Pretrained:
    """A network that was trained elsewhere.

    Attributes:
        structure: of the network.
        weights: all tensors of the network, by name.
        averaged: number of training steps in the average of the weights; None if unknown.
        files: with the structure and with the weights, for messages.
    """

    structure: Structure
    weights: dict[str, torch.Tensor]
    averaged: int | None
    files: tuple[Path, Path]


class NetworkSizes(Protocol):
    """Sizes of a network, computed without building it."""

    @property
    def parameters(self) -> int:
        """Number of parameters."""

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of a prediction for one image."""

    @property
    def outputs(self) -> int:
        """Numbers that all layers put out for one image."""


class FamilyOptions(Options):
    """The section `model`: the family of the models, their network and their noise schedule."""

    # The section has a key of its own for the name of the family.
    name: ClassVar[str] = ""  # type: ignore[misc]
    family: str = Field("", description="the model family")
    timesteps: Annotated[int, Field(ge=2, le=10**5)] = Field(
        1000, description="noise levels, 2 to 100000"
    )

    def network(self, data: Data) -> NetworkSizes | None:
        """Sizes of the network for some data, for estimates; None if they are unknown."""
        return None

    def pretrained_files(self, folder: str) -> list[Path]:
        """The files of the model in a folder that was trained elsewhere.

        Raises:
            UserError: if there is none that this family can read.
        """
        raise UserError(f"no model of family {self.family} is read from a folder")

    def pretrained_problems(self, config: Config, base: Path) -> list[str]:
        """A message for each way in which the model of full.pretrained does not fit."""
        if (path := config.full.pretrained) is None:
            return []
        accepted = f"no model of family {self.family} is read from a folder; leave it out"
        return [problem("full.pretrained", path, accepted)]

    @property
    def unprunable(self) -> str | None:
        """Why the network cannot be pruned; None if it can."""
        return None


class Family(Implementation):
    """A kind of diffusion model, for images of a given size.

    Attributes:
        settings: the arguments of `of_settings` for this family, as JSON values.
        shape: (channels, height, width) of noised examples.
        schedule: alpha and sigma of each timestep.
        traits: optional abilities: "pixel_density" (see `dequantize`), "channels" (see `inputs`).
        bounds: smallest and largest value of clean examples, to which samplers clip; None for
            unbounded examples.
        encoded_by: the options on which the result of `encode` depends.
        structure: of networks that are trained from scratch.
        base: digest of the frozen weights of a base model; None for families without a base model.
    """

    class Options(FamilyOptions):
        """The options that all families have."""

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
        """Encode (n, c, h, w) uint8 images, and their captions if the family is conditional."""
        raise NotImplementedError

    def clean(self, examples: Examples) -> torch.Tensor:
        """(n, *shape) float32 x_0, on the CPU."""
        raise NotImplementedError

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) uint8 images of (n, *shape) x_0, on the same device."""
        raise NotImplementedError

    def build(self, structure: Structure, seed: int) -> torch.nn.Module:
        """A network of a structure; weights that do not come from a base model are random."""
        raise NotImplementedError

    def predict(
        self,
        network: torch.nn.Module,
        noised: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predict the (n, *shape) noise in noised examples.

        Args:
            network: of this family; it may be wrapped.
            noised: (n, *shape).
            timesteps: (n,), or one number for all.
            condition: (n, ...) from `encode`; None for unconditional models.
        """
        raise NotImplementedError

    def trainable(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Name -> tensor of the weights that are saved: all that are not frozen."""
        raise NotImplementedError

    def pretrained(self, folder: str | Path) -> Pretrained:
        """Read a network that was trained elsewhere; nothing is unpickled or downloaded.

        Raises:
            UserError: names the file that is missing, broken or of another network.
        """
        raise NotImplementedError

    def differences(self, structure: Structure) -> list[str]:
        """Differences between a network and one that is trained from scratch, for messages."""
        raise NotImplementedError

    def dequantize(self, images: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
        """(n, *shape) x_0 of uint8 images, with each value dequantized within its 256th of the
        range.

        Only for families with the trait "pixel_density", which have a density of images.

        Args:
            images: (n, c, h, w) uint8.
            within: (n, c, h, w) position of each value within its 256th, in [0, 1).
        """
        raise NotImplementedError

    def channel_ratio(
        self, structure: Structure, target: Literal["parameters", "multiply_adds"], fraction: float
    ) -> float:
        """The ratio of channels whose removal removes most nearly a fraction of the target.

        Only for families with the trait "channels".

        Raises:
            ValueError: if no channel can go.
        """
        raise NotImplementedError

    def inputs(self) -> dict[str, torch.Tensor]:
        """Keyword arguments with which the network can be traced.

        Only for families with the trait "channels", which can be pruned.
        """
        raise NotImplementedError
