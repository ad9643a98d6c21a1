"""The pixel-space DDPM family: build, noise, loss and sample (Ho et al. 2020, arXiv 2006.11239).

Images are float32 (n, channels, height, width) in [-1, 1]. The network predicts the noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from diffcredit.config import Model
from diffcredit.config.schedule import betas
from diffcredit.models.lean import lean_imports
from diffcredit.models.pixels import to_uint8

# It takes seconds to import, and half of the jobs do without.
if TYPE_CHECKING:
    from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel


def architecture(settings: Model, image_size: int, channels: int) -> dict[str, Any]:
    """The keyword arguments of the U-Net, plain values that JSON can hold."""
    attends = settings.attention
    down = ["AttnDownBlock2D" if a else "DownBlock2D" for a in attends]
    up = ["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)]
    return {
        "sample_size": image_size,
        "in_channels": channels,
        "out_channels": channels,
        "layers_per_block": settings.layers_per_block,
        "block_out_channels": list(settings.channels),
        "down_block_types": down,
        "up_block_types": up,
        "norm_num_groups": settings.norm_groups,
        "attention_head_dim": settings.head_dim,
        "resnet_time_scale_shift": "scale_shift" if settings.scale_shift else "default",
    }


def build(arguments: dict[str, Any], seed: int) -> "UNet2DModel":
    """An untrained U-Net, its weights drawn from ``seed``."""
    with lean_imports():
        from diffusers import UNet2DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DModel(**arguments)


def noise_schedule(timesteps: int) -> "DDPMScheduler":
    """Adds noise to training images."""
    with lean_imports():
        from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=timesteps, **betas(timesteps))


def predict(
    network: torch.nn.Module, noised: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """The noise that the network sees in ``noised``, same shape."""
    return network(noised, timesteps).sample


@torch.inference_mode()
def sample(
    network: torch.nn.Module, noise: torch.Tensor, timesteps: int, steps: int, batch_size: int
) -> torch.Tensor:
    """Deterministic DDIM samples from given initial noise (Song et al. 2020, arXiv 2010.02502).

    Args:
        network: the denoising network, on the device of ``noise``.
        noise: (n, c, h, w) initial noise; equal noise gives comparable images across models.
        timesteps: noise levels of the training schedule.
        steps: DDIM steps.
        batch_size: images at a time.

    Returns:
        (n, c, h, w) uint8 images.
    """
    finished, scheduler = [], ddim_schedule(timesteps, steps)
    for part in noise.split(batch_size):
        for _, _, current in _denoised(network, part, scheduler, scheduler.timesteps):
            last = current
        finished.append(to_uint8(last))
    return torch.cat(finished)


@torch.inference_mode()
def restore(
    network: torch.nn.Module,
    images: torch.Tensor,
    noise: torch.Tensor,
    timestep: int,
    timesteps: int,
    steps: int,
    batch_size: int,
) -> torch.Tensor:
    """What deterministic DDIM makes of images with noise.

    Args:
        network: the denoising network, on the device of ``images``.
        images: (n, c, h, w) in [-1, 1].
        noise: (n, c, h, w) standard normal.
        timestep: noise level to begin from; the largest at or below it that DDIM visits is taken.
        timesteps: noise levels of the training schedule.
        steps: DDIM steps from pure noise, of which the last ones are made.
        batch_size: images at a time.

    Returns:
        (n, c, h, w) uint8 images.
    """
    finished, scheduler = [], ddim_schedule(timesteps, steps)
    levels = scheduler.timesteps[scheduler.timesteps <= timestep]
    for clean, drawn in zip(images.split(batch_size), noise.split(batch_size), strict=True):
        noised = scheduler.add_noise(clean, drawn, levels[:1])
        for _, _, current in _denoised(network, noised, scheduler, levels):
            last = current
        finished.append(to_uint8(last))
    return torch.cat(finished)


def ddim_schedule(timesteps: int, steps: int) -> "DDIMScheduler":
    """Visits so many of the noise levels of the training schedule, evenly apart."""
    with lean_imports():
        from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(num_train_timesteps=timesteps, **betas(timesteps))
    scheduler.set_timesteps(steps)
    return scheduler


@dataclass(frozen=True)
class Drawing:
    """Images, and how they came about.

    Attributes:
        images: (n, c, h, w) float32, about [-1, 1].
        timesteps: (steps,), from the noisiest to the cleanest.
        states: (steps, n, c, h, w) before each step.
    """

    images: torch.Tensor
    timesteps: torch.Tensor
    states: torch.Tensor


@torch.no_grad()
def trajectory(
    network: torch.nn.Module, noise: torch.Tensor, timesteps: int, steps: int, batch_size: int
) -> Drawing:
    """The images that `sample` draws, with all states between; arguments as there."""
    scheduler = ddim_schedule(timesteps, steps)
    parts = [
        list(zip(*_denoised(network, part, scheduler, scheduler.timesteps), strict=True))
        for part in noise.split(batch_size)
    ]
    levels = torch.stack(parts[0][0]).cpu()
    states = torch.cat([torch.stack(before) for _, before, _ in parts], dim=1)
    return Drawing(torch.cat([after[-1] for _, _, after in parts]), levels, states)


def _denoised(
    network: torch.nn.Module,
    current: torch.Tensor,
    scheduler: "DDIMScheduler",
    levels: torch.Tensor,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Timestep, images before and images after, step by step."""
    for timestep in levels:
        predicted = predict(network, current, timestep)
        after = scheduler.step(predicted, timestep, current).prev_sample
        yield timestep, current, after
        current = after
