"""Pixel-space DDPMs with a U-Net that predicts the noise (Ho et al. 2020, arXiv 2006.11239).

Clean examples are float32 (n, channels, height, width) in [-1, 1].
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffcredit.lazy import torch
from diffcredit.models.families import unet_folders, unet_sizes
from diffcredit.models.families.family import Family, Pretrained, Structure
from diffcredit.models.families.unet import UNetOptions

# diffusers takes seconds to import, and half of the jobs do not need it.
if TYPE_CHECKING:
    from diffusers import UNet2DModel

    from diffcredit.models.examples import Examples


class Pixel(Family):
    """The family of pixel-space models."""

    traits = frozenset({"pixel_density", "channels"})
    bounds = (-1.0, 1.0)

    class Options(UNetOptions):
        """The U-Net and the noise schedule."""

    def prepare(self, image_size: int, channels: int) -> None:
        """See `Family.prepare`."""
        from diffcredit.models.diffusion import NoiseSchedule

        super().prepare(image_size, channels)
        self.shape = (channels, image_size, image_size)
        self.schedule = NoiseSchedule("linear", self.options.timesteps)
        self.structure = Structure(architecture(self.options, image_size, channels))

    def encode(
        self, images: torch.Tensor, captions: Sequence[str | None] | None = None
    ) -> Examples:
        """The (n, c, h, w) uint8 images themselves; captions are not used."""
        from diffcredit.models.examples import Examples

        return Examples(images.contiguous().numpy())

    def clean(self, examples: Examples) -> torch.Tensor:
        """(n, c, h, w) float32 in [-1, 1], 0 for a value of 127.5."""
        stored = examples.stored
        batch, channels, height, width = stored.shape
        # Channels last in memory, the layout of stored images: convolutions keep the layout, and
        # another one would change their rounding.
        clean = torch.empty(batch, height, width, channels).permute(0, 3, 1, 2)
        return clean.copy_(stored).div_(127.5).sub_(1)

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) uint8; values beyond [-1, 1] are clipped."""
        return ((clean.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    def dequantize(self, images: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) in [-1, 1], each value within its 256th of that range."""
        return (images + within) / 128 - 1

    def build(self, structure: Structure, seed: int) -> UNet2DModel:
        """A U-Net with weights initialized from a seed, without pruned channels."""
        from diffcredit.models.lean import lean_imports

        with lean_imports():
            from diffusers import UNet2DModel

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = UNet2DModel(**structure.architecture)
        if structure.pruning:
            from diffcredit.models.pruning.replay import replay

            replay(network, structure.pruning, self.inputs())
        return network

    def inputs(self) -> dict[str, torch.Tensor]:
        """Keyword arguments of the U-Net, for one image."""
        return {"sample": torch.zeros(1, *self.shape), "timestep": torch.zeros(1).long()}

    def predict(
        self,
        network: torch.nn.Module,
        noised: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(n, c, h, w) noise in noised images; there is no condition."""
        predicted: torch.Tensor = network(noised, timesteps).sample
        return predicted

    def trainable(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """All tensors of the network."""
        return dict(network.state_dict())

    def pretrained(self, folder: str | Path) -> Pretrained:
        """A U-Net in a folder of diffusers."""
        from diffcredit.models.families import diffusers_weights

        files = unet_folders.find(folder)
        return Pretrained(
            Structure(unet_folders.architecture(files)),
            diffusers_weights.read(files.weights),
            unet_folders.averaged(files),
            (files.config, files.weights),
        )

    def channel_ratio(
        self, structure: Structure, target: unet_sizes.Target, fraction: float
    ) -> float:
        """See `Family.channel_ratio`."""
        network = unet_sizes.unet(structure.architecture)
        return unet_sizes.channel_ratio(network, target, fraction)

    def differences(self, structure: Structure) -> list[str]:
        """The keys in which a U-Net differs from one that is trained from scratch."""
        own, defaults = self.structure.architecture, _defaults()
        other, scratch = (_plain(defaults | given) for given in (structure.architecture, own))
        return [
            f"{key} {other[key]} and not {scratch[key]}"
            for key in defaults
            if key in own and other[key] != scratch[key]
        ]


def architecture(model: UNetOptions, image_size: int, channels: int) -> dict[str, Any]:
    """The keyword arguments of the U-Net, as JSON values."""
    attends = model.attention
    down = ["AttnDownBlock2D" if a else "DownBlock2D" for a in attends]
    up = ["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)]
    return {
        "sample_size": image_size,
        "in_channels": channels,
        "out_channels": channels,
        "layers_per_block": model.layers_per_block,
        "block_out_channels": list(model.channels),
        "down_block_types": down,
        "up_block_types": up,
        "norm_num_groups": model.norm_groups,
        # null in diffusers: one head with all channels of the resolution.
        "attention_head_dim": None if model.head_dim == "channels" else model.head_dim,
        "resnet_time_scale_shift": "scale_shift" if model.scale_shift else "default",
        "freq_shift": model.freq_shift,
        "flip_sin_to_cos": model.flip_sin_to_cos,
        "downsample_padding": model.downsample_padding,
        "norm_eps": model.norm_eps,
        "dropout": model.dropout,
    }


def _defaults() -> dict[str, Any]:
    """The default arguments of diffusers' U-Net."""
    from diffcredit.models.lean import lean_imports

    with lean_imports():
        from diffusers import UNet2DModel

    parameters = inspect.signature(UNet2DModel.__init__).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Convert tuples to lists, for JSON."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
