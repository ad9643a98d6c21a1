"""The denoising loss of given images, as the model itself has it."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from diffcredit.behaviors.setting import Setting
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pixels import from_uint8
from diffcredit.sampling import initial_noise


class DenoisingLoss:
    """Mean over noises e and timesteps t of ||eps(x_t, t) - e||^2 / size, a value for each image x.

    The timesteps are those of DDIM sampling, in as many steps as are asked for, or given ones; the
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
        self.images = from_uint8(images).to(setting.device)
        self.setting = setting
        self.noises = noises
        self.schedule = ddpm.noise_schedule(setting.timesteps)
        self.timesteps = _levels(setting, timesteps).to(setting.device)

    @torch.inference_mode()
    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) of the n images; 0 or more, about 1 for an untrained network."""
        network = trained.network.to(self.setting.device).eval()
        architecture = trained.description.architecture
        noise = initial_noise(architecture, self.noises, self.setting.seed)
        noise = noise.to(self.setting.device)
        shape = (len(self.images), len(noise), len(self.timesteps))
        numbers = torch.arange(math.prod(shape), device=self.setting.device)
        losses = [
            self._losses(network, noise, *torch.unravel_index(part, shape))
            for part in numbers.split(self.setting.batch_size)
        ]
        return torch.cat(losses).double().reshape(len(self.images), -1).mean(1).cpu().numpy()

    def _losses(
        self,
        network: torch.nn.Module,
        noise: torch.Tensor,
        image: torch.Tensor,
        draw: torch.Tensor,
        level: torch.Tensor,
    ) -> torch.Tensor:
        """(b,) for b combinations of the numbers of an image, a noise and a timestep."""
        timesteps = self.timesteps[level]
        noised = self.schedule.add_noise(self.images[image], noise[draw], timesteps)
        error = ddpm.predict(network, noised, timesteps) - noise[draw]
        return error.square().flatten(1).mean(1)


def _levels(setting: Setting, asked: int | Sequence[int] | None) -> torch.Tensor:
    """The noise levels of a list, or those of DDIM sampling in so many steps."""
    if isinstance(asked, Sequence):
        return torch.tensor(asked)
    return ddpm.ddim_schedule(setting.timesteps, asked or setting.steps).timesteps
