"""The noised images at which gradients are computed, several for each image."""

from dataclasses import dataclass, replace

import torch

from diffcredit.attribution.gradients.functions import Prediction
from diffcredit.errors import UserError
from diffcredit.models.families import Family


@dataclass(frozen=True)
class States:
    """(n, K) noised images: each of n images at each of K timesteps.

    A timestep has the same noise for all images. (The code of TRAK's and D-TRAK's authors samples
    the noise of a batch, so that an image's noise depends on its position in the batch.)

    Attributes:
        family: of the networks.
        clean: (n, 1, c, h, w) x_0, or (n, K, c, h, w) where each timestep has its own, on the
            device of the network.
        timesteps: (K,), on the CPU.
        noise: (K, c, h, w) of each timestep.
    """

    family: Family
    clean: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor

    def __len__(self) -> int:
        return len(self.clean)

    def predict(
        self, network: torch.nn.Module, rows: torch.Tensor, times: torch.Tensor
    ) -> Prediction:
        """The predictions of a network for images ``rows`` at ``times``, in the order of the
        images.
        """
        schedule = self.family.schedule
        device = self.clean.device
        steps = self.timesteps[times].repeat(len(rows)).to(device)
        noise = self.noise[times].repeat(len(rows), 1, 1, 1).to(device)
        clean = self.clean.expand(-1, len(self.timesteps), -1, -1, -1)[rows[:, None], times]
        noised = schedule.add_noise(clean.flatten(0, 1), noise, steps)
        predicted = self.family.predict(network, noised, steps)
        return Prediction(predicted, noise, steps, schedule)

    def part(self, rows: slice) -> "States":
        """The noised images of some rows."""
        return replace(self, clean=self.clean[rows])


def timesteps(num_train_timesteps: int, count: int, at: str) -> torch.Tensor:
    """(count,) timesteps: uniform (0, T/K, 2 T/K, ...) or cumulative (0, 1, ..., K-1).

    Raises:
        UserError: if K does not divide T where it must.
    """
    if at == "cumulative":
        return torch.arange(count)
    if num_train_timesteps % count:
        raise UserError(f"timesteps = {count}: must divide model.timesteps = {num_train_timesteps}")
    return torch.arange(count) * (num_train_timesteps // count)
