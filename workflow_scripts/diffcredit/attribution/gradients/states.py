"""The noised images on which gradients are taken, several for each image."""

from dataclasses import dataclass, replace

import torch

from diffcredit.attribution.gradients.functions import Prediction
from diffcredit.errors import UserError
from diffcredit.models import ddpm


@dataclass(frozen=True)
class States:
    """(n, K) noised images: each of n at each of K timesteps.

    A timestep has one noise for all images. (The code of TRAK's and D-TRAK's authors draws one
    noise for a batch, so that an image's noise depends on its position in the batch.)

    Attributes:
        clean: (n, 1, c, h, w) images, or (n, K, c, h, w) where each timestep has its own, in
            [-1, 1], on the device of the network.
        timesteps: (K,), on the CPU.
        noise: (K, c, h, w), of each timestep.
        levels: noise levels of the schedule.
    """

    clean: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor
    levels: int

    def __len__(self) -> int:
        return len(self.clean)

    def predict(
        self, network: torch.nn.Module, rows: torch.Tensor, times: torch.Tensor
    ) -> Prediction:
        """What a network says of images ``rows`` at ``times``, in the order of the images."""
        schedule = ddpm.noise_schedule(self.levels)
        device = self.clean.device
        steps = self.timesteps[times].repeat(len(rows)).to(device)
        noise = self.noise[times].repeat(len(rows), 1, 1, 1).to(device)
        clean = self.clean.expand(-1, len(self.timesteps), -1, -1, -1)[rows[:, None], times]
        noised = schedule.add_noise(clean.flatten(0, 1), noise, steps)
        return Prediction(ddpm.predict(network, noised, steps), noise, steps, schedule)

    def part(self, rows: slice) -> "States":
        """Those of some of the images."""
        return replace(self, clean=self.clean[rows])


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
