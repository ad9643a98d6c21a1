"""The noised images on which gradients are taken, several for each image."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from diffcredit.attribution.gradients.functions import Prediction
from diffcredit.errors import UserError
from diffcredit.models import ddpm

if TYPE_CHECKING:
    from diffusers import DDPMScheduler


class States(ABC):
    """(n, K) noised images: each of n at each of K timesteps.

    Attributes:
        images: (n, c, h, w) in [-1, 1], on the device of the network.
        timesteps: (K,), on the CPU.
        levels: noise levels of the schedule.
    """

    images: torch.Tensor
    timesteps: torch.Tensor
    levels: int

    def predict(
        self, network: torch.nn.Module, rows: torch.Tensor, times: torch.Tensor
    ) -> Prediction:
        """What a network says of images ``rows`` at ``times``, in the order of the images."""
        schedule = ddpm.noise_schedule(self.levels)
        steps = self.timesteps[times].repeat(len(rows)).to(self.images.device)
        noised, noise = self._noised(rows, times, steps, schedule)
        return Prediction(ddpm.predict(network, noised, steps), noise, steps, schedule)

    @abstractmethod
    def _noised(
        self,
        rows: torch.Tensor,
        times: torch.Tensor,
        steps: torch.Tensor,
        schedule: "DDPMScheduler",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Those images and their noise; ``steps`` are the timesteps of each."""

    def _clean(self, rows: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Without noise."""
        return self.images[rows].repeat_interleave(len(times), 0)

    @abstractmethod
    def part(self, rows: slice) -> "States":
        """Those of some of the images."""


@dataclass(frozen=True)
class Noised(States):
    """Images with noise added, that of a timestep the same for every image.

    Attributes:
        images, timesteps, levels: as of `States`.
        noise: (K, c, h, w).
    """

    images: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor
    levels: int

    def _noised(
        self,
        rows: torch.Tensor,
        times: torch.Tensor,
        steps: torch.Tensor,
        schedule: "DDPMScheduler",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        noise = self.noise[times].repeat(len(rows), 1, 1, 1).to(steps.device)
        return schedule.add_noise(self._clean(rows, times), noise, steps), noise

    def part(self, rows: slice) -> "Noised":
        """As of `States`."""
        return replace(self, images=self.images[rows])


@dataclass(frozen=True)
class Trajectory(States):
    """What images were while they were drawn (Georgiev et al. 2023, arXiv 2312.06205).

    The noise is the one that leads from the image to its state.

    Attributes:
        images, timesteps, levels: as of `States`.
        states: (K, n, c, h, w) before each of the K steps of sampling.
    """

    images: torch.Tensor
    timesteps: torch.Tensor
    states: torch.Tensor
    levels: int

    def _noised(
        self,
        rows: torch.Tensor,
        times: torch.Tensor,
        steps: torch.Tensor,
        schedule: "DDPMScheduler",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        noised = self.states[times][:, rows].transpose(0, 1).flatten(0, 1).to(steps.device)
        kept = schedule.alphas_cumprod.to(steps.device)[steps][:, None, None, None]
        return noised, (noised - kept.sqrt() * self._clean(rows, times)) / (1 - kept).sqrt()

    def part(self, rows: slice) -> "Trajectory":
        """As of `States`."""
        return replace(self, images=self.images[rows], states=self.states[:, rows])


def timesteps(levels: int, count: int, at: str) -> torch.Tensor:
    """(count,) noise levels: uniform (0, T/K, 2 T/K, ...) or cumulative (0, 1, ..., K-1).

    Raises:
        UserError: if K does not divide T where it must.
    """
    if at == "cumulative":
        return torch.arange(count)
    if levels % count:
        raise UserError(f"timesteps = {count}: must divide the {levels} noise levels")
    return torch.arange(count) * (levels // count)


def every(drawn: ddpm.Drawing, count: int, levels: int) -> Trajectory:
    """``count`` states of a trajectory, evenly apart from its beginning on.

    Raises:
        UserError: if the number of states does not divide the steps.
    """
    steps = len(drawn.timesteps)
    if steps % count:
        raise UserError(f"timesteps = {count}: must divide the {steps} steps of sampling")
    chosen = slice(None, None, steps // count)
    return Trajectory(drawn.images, drawn.timesteps[chosen], drawn.states[chosen], levels)
