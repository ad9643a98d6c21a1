"""Options of families with diffusers' U-Net, and their checks against other sections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from diffcredit.config.messages import problem
from diffcredit.config.sections import Count, Natural, Rate, Real
from diffcredit.models.families import unet_folders, unet_sizes
from diffcredit.models.families.family import FamilyOptions

if TYPE_CHECKING:
    from diffcredit.config.schema import Config, Data


class UNetOptions(FamilyOptions):
    """The keys of the section `model` for the structure of the U-Net."""

    channels: Annotated[list[Annotated[int, Field(ge=1, le=10**5)]], Field(min_length=1)] = Field(
        [16, 32], description="channels of each resolution, finest first; each 1 to 100000"
    )
    attention: list[bool] = Field(
        [False, True], description="true where a resolution has attention, one for each"
    )
    # Checks of sizes look at each of them.
    layers_per_block: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="residual layers in a block, 1 to 100"
    )
    norm_groups: Count = Field(8, description="groups of the group norms; divides all channels")
    head_dim: Count | Literal["channels"] = Field(
        8, description="channels of one attention head, 1 or more; channels: one head has them all"
    )
    scale_shift: bool = Field(
        False, description="true: the timestep scales and shifts features; false: it is added"
    )
    freq_shift: Natural = Field(
        0, description="shift of the frequencies of the timestep's embedding, 0 or more"
    )
    flip_sin_to_cos: bool = Field(
        True, description="true: the cosines of the timestep's embedding come first; false: last"
    )
    downsample_padding: Literal[0, 1] = Field(
        1, description="1: halving pads all four sides; 0: below and to the right alone"
    )
    norm_eps: Rate = Field(1e-5, description="added to the variance in norms, above 0")
    dropout: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.0, description="fraction of features dropped while training, at least 0, below 1"
    )

    def network(self, data: Data) -> unet_sizes.UNet | None:
        """See `FamilyOptions.network`."""
        if len(self.channels) != len(self.attention):
            return None
        return unet_sizes.UNet(
            tuple(self.channels),
            tuple(self.attention),
            self.layers_per_block,
            self.norm_groups,
            self.head_dim if isinstance(self.head_dim, int) else None,
            data.channels,
            data.image_size,
        )

    def pretrained_files(self, folder: str) -> list[Path]:
        """See `FamilyOptions.pretrained_files`."""
        return unet_folders.find(folder).present

    def pretrained_problems(self, config: Config, base: Path) -> list[str]:
        """See `FamilyOptions.pretrained_problems`."""
        return unet_folders.pretrained_problems(config, base)

    @property
    def unprunable(self) -> str | None:
        """See `FamilyOptions.unprunable`."""
        return "pruning is not known with model.scale_shift: true" if self.scale_shift else None

    def problems(self, key: str, config: Config, base: Path) -> list[str]:
        """A message for each key that contradicts another key, the images or the pruning."""
        found = self._layer_problems()
        if config.full.pretrained is None and not found:
            found += self._ratio_problems(config)
        return [*found, *self._head_problems(), *self._halving_problems(config)]

    def _layer_problems(self) -> list[str]:
        channels = f"model.channels = {self.channels}"
        found = []
        if len(self.attention) != len(self.channels):
            accepted = f"needs one entry for each of {channels}"
            found.append(problem("model.attention", self.attention, accepted))
        if any(width % self.norm_groups for width in self.channels):
            accepted = f"must divide all of {channels}"
            found.append(problem("model.norm_groups", self.norm_groups, accepted))
        return found

    def _ratio_problems(self, config: Config) -> list[str]:
        """A message about a ratio that would leave a norm group without channels."""
        pruned, least = config.pruned, min(self.channels)
        refused: str | None = None
        if pruned.target != "channels":
            network = self.network(config.data)
            assert network is not None
            refused = unet_sizes.fraction_problem(network, pruned.target, pruned.ratio)
        elif pruned.ratio > unet_sizes.largest_ratio(least, self.norm_groups):
            refused = (
                f"each of {self.norm_groups} norm groups must keep a channel of {least}; "
                f"accepted: {unet_sizes.accepted_ratios(least, self.norm_groups)}"
            )
        return [problem("pruned.ratio", pruned.ratio, refused)] if refused else []

    def _head_problems(self) -> list[str]:
        return [
            problem(
                "model.head_dim",
                self.head_dim,
                f"must divide the {width} channels of a resolution with attention",
            )
            for width, attends in zip(self.channels, self.attention, strict=False)
            if attends and self.head_dim != "channels" and width % self.head_dim
        ]

    def _halving_problems(self, config: Config) -> list[str]:
        """A message about images that are too small for the levels of the network."""
        halvings, side = len(self.channels) - 1, config.data.image_size
        told = f"model.channels halves it {halvings} times"
        if side % 2**halvings:
            accepted = f"must be divisible by {2**halvings}: {told}"
            return [problem("data.image_size", side, accepted)]
        coarsest = side / 2**halvings
        if coarsest >= unet_sizes.LEAST_SIDE:
            return []
        accepted = (
            f"{told}, to {coarsest:g} pixel; must be at least {unet_sizes.LEAST_SIDE * 2**halvings}"
        )
        hint = "or fewer model.channels, with attention"
        return [problem("data.image_size", side, accepted, hint)]
