"""The denoising loss of given images, as the model itself has it."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from diffcredit.behaviors.setting import Setting
from diffcredit.models.checkpoints import Trained
from diffcredit.sampling import initial_noise


class DenoisingLoss:
    """Mean over noises e and timesteps t of ||eps(x_t, t) - e||^2 / size, a value for each image x.

    The timesteps are those of DDIM sampling in a number of steps, or a list; the
    noises are the same for every image, timestep and model. Lu et al. 2025 (arXiv 2407.03153) draw
    another noise for each timestep, which has the same mean.
    """

    def __init__(
        self,
        images: torch.Tensor,
        setting: Setting,
        noises: int,
        timesteps: int | Sequence[int] | None = None,
    ):
        self.clean = setting.clean(images)
        self.setting = setting
        self.noises = noises
        self.timesteps = _chosen(setting, timesteps).to(setting.device)

    @torch.inference_mode()
    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) of the n images; 0 or more, about 1 for an untrained network."""
        network = trained.network.to(self.setting.device).eval()
        noise = initial_noise(self.setting.family.shape, self.noises, self.setting.seed)
        noise = noise.to(self.setting.device)
        shape = (len(self.clean), len(noise), len(self.timesteps))
        numbers = torch.arange(math.prod(shape), device=self.setting.device)
        losses = [
            self._losses(network, noise, *torch.unravel_index(part, shape))
            for part in numbers.split(self.setting.batch_size)
        ]
        return torch.cat(losses).double().reshape(len(self.clean), -1).mean(1).cpu().numpy()

    def _losses(
        self,
        network: torch.nn.Module,
        noise: torch.Tensor,
        image: torch.Tensor,
        draw: torch.Tensor,
        place: torch.Tensor,
    ) -> torch.Tensor:
        """(b,) for b combinations of the numbers of an image, a noise and a timestep."""
        family, timesteps = self.setting.family, self.timesteps[place]
        noised = family.schedule.add_noise(self.clean[image], noise[draw], timesteps)
        error = family.predict(network, noised, timesteps) - noise[draw]
        return error.square().flatten(1).mean(1)


def _chosen(setting: Setting, timesteps: int | Sequence[int] | None) -> torch.Tensor:
    """Timesteps of a list, or those of DDIM sampling in so many steps."""
    if isinstance(timesteps, Sequence):
        return torch.tensor(timesteps)
    return setting.family.schedule.visited(timesteps or setting.steps)
