"""The images, noise and timesteps of a training step, which depend only on (seed, step).

There is no random state between steps, so an interrupted training continues with the same batches.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.seeds import derive
from diffcredit.training.recipe import Run


@dataclass(frozen=True)
class Batch:
    """The noised images of one step, on the device of the model.

    Attributes:
        clean: (b, c, h, w) x_0.
        noise: (b, c, h, w) standard normal.
        noised: (b, c, h, w) alpha x clean + sigma x noise.
        timesteps: (b,).
        alpha: (b, 1, 1, 1) factor of the clean images at their timestep, in (0, 1).
        sigma: (b, 1, 1, 1) standard deviation of the noise there, in (0, 1).
        condition: (b, ...) condition of each image; None for unconditional models.
    """

    clean: torch.Tensor
    noise: torch.Tensor
    noised: torch.Tensor
    timesteps: torch.Tensor
    alpha: torch.Tensor
    sigma: torch.Tensor
    condition: torch.Tensor | None = None

    def rows(self, chosen: torch.Tensor) -> "Batch":
        """The images with given indices, or where a (b,) mask is True."""
        own: list[Any] = [getattr(self, field.name) for field in fields(self)]
        chosen_rows: list[Any] = [None if each is None else each[chosen] for each in own]
        return Batch(*chosen_rows)

    def noised_like(self, other: "Batch") -> "Batch":
        """The same images with the noise and the timesteps of another batch."""
        noised = other.alpha * self.clean + other.sigma * other.noise
        return replace(other, clean=self.clean, noised=noised, condition=self.condition)


def image_indices(images: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """The images of a step; every image occurs once before any occurs again.

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
    batch_size: int, num_train_timesteps: int, generator: torch.Generator
) -> torch.Tensor:
    """Uniform timesteps for half the batch, and T - 1 - t for the other half.

    Each timestep is uniform on 0..T-1; a step's mean timestep varies less.
    """
    half = torch.randint(0, num_train_timesteps, (batch_size // 2,), generator=generator)
    return torch.cat([half, num_train_timesteps - 1 - half])


def independent_timesteps(
    batch_size: int, num_train_timesteps: int, generator: torch.Generator
) -> torch.Tensor:
    """Independent timesteps, uniform on 0..T-1, as in most published code."""
    return torch.randint(0, num_train_timesteps, (batch_size,), generator=generator)


def flipped(images: torch.Tensor, seed: int) -> torch.Tensor:
    """(b, c, h, w) images, each mirrored left to right with probability 1/2."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)


class Drawing:
    """Samples the noised images of a step and splits them among processes and parts.

    Args:
        family: of the model; it defines the noise schedule.
        retained: images that are kept.
        removed: images that are removed; None if they are not used.
        seed: of data order, noise and timesteps.
        settings: batch size and parts, timesteps, flips.
        accelerator: knows the process and its device.
    """

    def __init__(
        self,
        family: Family,
        retained: Examples,
        removed: Examples | None,
        seed: int,
        settings: Training,
        accelerator: Accelerator,
    ):
        self.images = {"retained": retained, "removed": removed}
        self.family, self.seed, self.accelerator = family, seed, accelerator
        self.batch_size, self.count = settings.batch_size, settings.gradient_accumulation
        self.random_flip = settings.random_flip
        self.draw_timesteps = antithetic_timesteps if settings.antithetic else independent_timesteps
        share = self.batch_size // self.count
        if share % accelerator.num_processes:
            raise UserError(
                f"training.batch_size = {self.batch_size}: each of {self.count} parts must be "
                f"divisible by the {accelerator.num_processes} processes"
            )

    @classmethod
    def of_run(cls, run: Run, accelerator: Accelerator) -> "Drawing":
        """The batches of a training."""
        recipe = run.recipe
        given = (recipe.family, run.retained, run.removed, run.seed, recipe.training)
        return cls(*given, accelerator)

    def parts(self, step: int) -> list[tuple[Batch, Batch | None]]:
        """The (retained, removed) batches of each part of a step."""
        retained = self.of("retained", step)
        if self.images["removed"] is None:
            return [(part, None) for part in retained]
        return list(zip(retained, self.of("removed", step), strict=True))

    def batches(self, role: str) -> int:
        """Number of batches in one pass over the "retained" or "removed" images."""
        images = self.images[role]
        assert images is not None
        return math.ceil(len(images) / self.batch_size)

    def of(self, role: str, step: int) -> list[Batch]:
        """The parts of a step's batch of "retained" or "removed" images."""
        images = self.images[role]
        assert images is not None
        seed = derive(self.seed, role)
        generator = torch.Generator().manual_seed(derive(seed, "noise", step))
        chosen = image_indices(len(images), self.batch_size, seed, step)
        examples = images[chosen]
        clean = self.family.clean(examples)
        if self.random_flip:
            clean = flipped(clean, derive(seed, "flips", step))
        noise = torch.randn(clean.shape, generator=generator)
        schedule = self.family.schedule
        times = self.draw_timesteps(self.batch_size, schedule.num_train_timesteps, generator)
        alpha, sigma = schedule.at(times, clean)
        noised = alpha * clean + sigma * noise
        drawn = (clean, noise, noised, times, alpha, sigma, examples.condition)
        shares: list[Any] = [self._shares(each) for each in drawn]
        return [Batch(*part) for part in zip(*shares, strict=True)]

    def uniform(self, step: int, part: int, *shape: int) -> torch.Tensor:
        """Random numbers in [0, 1) for an objective, (b, *shape) for the b images of a part.

        Like the noise, they do not depend on the number of parts and processes.
        """
        generator = torch.Generator().manual_seed(derive(self.seed, "uniform", step))
        share = self._shares(torch.rand(self.batch_size, *shape, generator=generator))[part]
        assert share is not None
        return share

    def _shares(self, drawn: torch.Tensor | None) -> list[torch.Tensor | None]:
        """The share of the process in each part of a step's tensor, on its device."""
        if drawn is None:
            return [None] * self.count
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        parts = drawn.chunk(self.count)
        return [part[rank::processes].to(self.accelerator.device) for part in parts]
