"""The pixel-space DDPM family: build, noise, loss and sample (Ho et al. 2020, arXiv 2006.11239).

Images are float32 (n, channels, height, width) in [-1, 1]. The network predicts the noise.
"""

from typing import Any

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel

from diffcredit.config import Model
from diffcredit.models.pixels import to_uint8


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
    }


def build(arguments: dict[str, Any], seed: int) -> UNet2DModel:
    """An untrained U-Net, its weights drawn from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DModel(**arguments)


def betas(timesteps: int) -> dict[str, float]:
    """The linear schedule of DDPM: betas from 1e-4 to 0.02 for 1,000 noise levels.

    For other numbers they are scaled by 1000 / T, so that as little signal is left at the end.
    """
    scale = 1000 / timesteps
    return {"beta_start": 1e-4 * scale, "beta_end": min(0.02 * scale, 0.999)}


def noise_schedule(timesteps: int) -> DDPMScheduler:
    """Adds noise to training images."""
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
    scheduler = DDIMScheduler(num_train_timesteps=timesteps, **betas(timesteps))
    scheduler.set_timesteps(steps)
    finished = []
    for current in noise.split(batch_size):
        for timestep in scheduler.timesteps:
            predicted = predict(network, current, timestep)
            current = scheduler.step(predicted, timestep, current).prev_sample
        finished.append(to_uint8(current))
    return torch.cat(finished)
