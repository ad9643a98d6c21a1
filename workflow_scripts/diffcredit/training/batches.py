"""What one step of training sees, from (seed, step) alone: images, noise, timesteps.

Nothing is remembered between steps, so an interrupted training continues with the very same draws.
"""

from dataclasses import dataclass

import numpy as np
import torch

from diffcredit.seeds import derive


@dataclass(frozen=True)
class Batch:
    """Noised images of one step, on the device of the model.

    Attributes:
        clean: (b, c, h, w) images in [-1, 1].
        noise: (b, c, h, w) standard normal.
        noised: (b, c, h, w) clean images with that noise at their timestep.
        timesteps: (b,) noise levels.
    """

    clean: torch.Tensor
    noise: torch.Tensor
    noised: torch.Tensor
    timesteps: torch.Tensor


def image_indices(images: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """Which images step number ``step`` sees: every image once before any is seen again.

    Returns:
        (batch_size,) indices in 0..images-1.
    """
    position = step * batch_size
    first, last = position // images, (position + batch_size - 1) // images
    epochs = [
        np.random.default_rng(derive(seed, "epoch", epoch)).permutation(images)
        for epoch in range(first, last + 1)
    ]
    start = position - first * images
    return np.concatenate(epochs)[start : start + batch_size]


def antithetic_timesteps(
    batch_size: int, timesteps: int, generator: torch.Generator
) -> torch.Tensor:
    """Uniform timesteps for half the batch, and T - 1 - t for the other half.

    Each timestep is uniform on 0..T-1; a step's mean noise level varies less.
    """
    half = torch.randint(0, timesteps, (batch_size // 2,), generator=generator)
    return torch.cat([half, timesteps - 1 - half])
