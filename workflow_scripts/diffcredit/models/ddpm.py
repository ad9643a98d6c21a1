"""The pixel-space DDPM family: build, noise, loss and sample (Ho et al. 2020, arXiv 2006.11239).

Images are float32 (n, channels, height, width) in [-1, 1]. The network predicts the noise.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from diffcredit.config import Model
from diffcredit.config.noise_schedule import betas
from diffcredit.models.lean import lean_imports
from diffcredit.models.pixels import to_uint8

# It takes seconds to import, and half of the jobs do without.
if TYPE_CHECKING:
    from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
    from diffusers.schedulers.scheduling_ddim import DDIMSchedulerOutput
    from diffusers.schedulers.scheduling_ddpm import DDPMSchedulerOutput


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
        # diffusers' null: the channels of the resolution, one head.
        "attention_head_dim": None if settings.head_dim == "channels" else settings.head_dim,
        "resnet_time_scale_shift": "scale_shift" if settings.scale_shift else "default",
        "freq_shift": settings.freq_shift,
        "flip_sin_to_cos": settings.flip_sin_to_cos,
        "downsample_padding": settings.downsample_padding,
        "norm_eps": settings.norm_eps,
        "dropout": settings.dropout,
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

    The predicted clean image is clipped to [-1, 1] at each step, as diffusers does by default.

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
        for step in _denoised(network, part, scheduler, scheduler.timesteps):
            last = step.prev_sample
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
    seeds: list[int] | None = None,
) -> torch.Tensor:
    """What a model makes of images with noise, by DDIM or by ancestral sampling.

    Args:
        network: the denoising network, on the device of ``images``.
        images: (n, c, h, w) in [-1, 1].
        noise: (n, c, h, w) standard normal.
        timestep: noise level to begin from; the largest visited one at or below it is taken.
        timesteps: noise levels of the training schedule.
        steps: steps from pure noise, of which the last ones are made.
        batch_size: images at a time.
        seeds: None for deterministic DDIM; for ancestral steps (n,) seeds of the noise that they
            add. Images of equal seeds get the same noise.

    Returns:
        (n, c, h, w) uint8 images.
    """
    schedule = ddim_schedule if seeds is None else ancestral_schedule
    finished, scheduler = [], schedule(timesteps, steps)
    levels = scheduler.timesteps[scheduler.timesteps <= timestep]
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        drawn = [torch.Generator().manual_seed(seed) for seed in seeds[rows]] if seeds else None
        noised = scheduler.add_noise(images[rows], noise[rows], levels[:1])
        for step in _denoised(network, noised, scheduler, levels, drawn):
            last = step.prev_sample
        finished.append(to_uint8(last))
    return torch.cat(finished)


def ddim_schedule(timesteps: int, steps: int) -> "DDIMScheduler":
    """Visits so many of the noise levels of the training schedule, evenly apart."""
    with lean_imports():
        from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(num_train_timesteps=timesteps, **betas(timesteps))
    scheduler.set_timesteps(steps)
    return scheduler


def ancestral_schedule(timesteps: int, steps: int) -> "DDPMScheduler":
    """Visits the same noise levels, but draws each step from the posterior.

    q(x_{t-1} | x_t, x_0) with the predicted x_0, clipped to [-1, 1], and the posterior variance
    (Ho et al. 2020, arXiv 2006.11239, eq. 7).
    """
    scheduler = noise_schedule(timesteps)
    scheduler.set_timesteps(steps)
    return scheduler


@torch.no_grad()
def predicted_clean(
    network: torch.nn.Module, noise: torch.Tensor, timesteps: int, steps: int, batch_size: int
) -> torch.Tensor:
    """(n, steps, c, h, w) clean images that the network predicts at each step of `sample`.

    From the noisiest step to the last, at the timesteps of `ddim_schedule`; clipped to [-1, 1], as
    DDIM clips them. The last one is the sample. Arguments as of `sample`.
    """
    scheduler = ddim_schedule(timesteps, steps)
    parts = []
    for part in noise.split(batch_size):
        made = _denoised(network, part, scheduler, scheduler.timesteps)
        parts.append(torch.stack([step.pred_original_sample for step in made], 1))
    return torch.cat(parts)


def _denoised(
    network: torch.nn.Module,
    current: torch.Tensor,
    scheduler: "DDIMScheduler | DDPMScheduler",
    levels: torch.Tensor,
    generators: list[torch.Generator] | None = None,
) -> Iterator["DDIMSchedulerOutput | DDPMSchedulerOutput"]:
    """The images after each step, and the clean ones that it predicts; a generator for each."""
    for timestep in levels:
        predicted = predict(network, current, timestep)
        made = scheduler.step(predicted, timestep, current, generator=generators)
        yield made
        current = made.prev_sample
