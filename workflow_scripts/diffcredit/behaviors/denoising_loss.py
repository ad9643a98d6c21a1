"""The denoising loss of given images, as the model itself has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.measure import ModelMeasure
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count, NoiseLevels, Several
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.behaviors.extractor import Extractor
    from diffcredit.behaviors.setting import Setting
    from diffcredit.config import Config
    from diffcredit.models.checkpoints import Trained


class DenoisingLoss(ModelMeasure):
    """Mean over noises e and timesteps t of ||eps(x_t, t) - e||^2 / size, a value for each image x.

    The timesteps are those of DDIM sampling, in as many steps as are asked for, or given ones; the
    noises are the same for every image, timestep and model. Lu et al. 2025 (arXiv 2407.03153) draw
    another noise for each timestep, which has the same mean.
    """

    needs, better = None, "lower"

    class Options(ModelMeasure.Options):
        """Noises and noise levels that the loss is averaged over."""

        noises: Count = Field(50, description="noises, the same for every model; 1 or more")
        timesteps: Several | NoiseLevels | None = Field(
            None,
            description="how many noise levels, 2 to model.timesteps; or a list of them, each from "
            "0 and below model.timesteps; null: those of sampling",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """The line about noise levels that the model does not have."""
            levels, asked, key = config.model.timesteps, self.timesteps, f"{key}.timesteps"
            if isinstance(asked, tuple):
                beyond = [level for level in asked if level >= levels]
                accepted = f"must be below model.timesteps = {levels}"
                return [problem(key, beyond, accepted)] if beyond else []
            if asked is None or asked <= levels:
                return []
            return [problem(key, asked, f"must not exceed model.timesteps = {levels}")]

    def prepare(
        self, images: torch.Tensor, setting: Setting, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 images, and how models are queried."""
        from diffcredit.models import ddpm
        from diffcredit.models.pixels import from_uint8

        self.images = from_uint8(images).to(setting.device)
        self.setting = setting
        self.noises = self.options.noises
        self.schedule = ddpm.noise_schedule(setting.timesteps)
        self.timesteps = _levels(setting, self.options.timesteps).to(setting.device)

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) of the n images; 0 or more, about 1 for an untrained network."""
        with torch.inference_mode():
            return self._measured(trained)

    def _measured(self, trained: Trained) -> np.ndarray:
        from diffcredit.sampling import initial_noise

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
        from diffcredit.models import ddpm

        timesteps = self.timesteps[level]
        noised = self.schedule.add_noise(self.images[image], noise[draw], timesteps)
        error = ddpm.predict(network, noised, timesteps) - noise[draw]
        return error.square().flatten(1).mean(1)


def _levels(setting: Setting, asked: int | Sequence[int] | None) -> torch.Tensor:
    """The noise levels of a list, or those of DDIM sampling in so many steps."""
    from diffcredit.models import ddpm

    if isinstance(asked, Sequence):
        return torch.tensor(asked)
    return ddpm.ddim_schedule(setting.timesteps, asked or setting.steps).timesteps
