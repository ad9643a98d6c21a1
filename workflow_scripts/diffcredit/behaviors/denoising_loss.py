"""The denoising loss of a model on given images."""

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
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.config import Config
    from diffcredit.models.checkpoints import Trained


class DenoisingLoss(ModelMeasure):
    """Mean over noises e and timesteps t of ||eps(x_t, t) - e||^2 / size, a value for each image x.

    The timesteps are those of DDIM sampling in a number of steps, or a list; the noises are the
    same for every image, timestep and model. Lu et al. 2025 (arXiv 2407.03153) sample another noise
    for each timestep, which has the same expectation.
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
            """A message about noise levels that the model does not have."""
            count, chosen, key = config.model.timesteps, self.timesteps, f"{key}.timesteps"
            if isinstance(chosen, tuple):
                beyond = [timestep for timestep in chosen if timestep >= count]
                accepted = f"must be below model.timesteps = {count}"
                return [problem(key, beyond, accepted)] if beyond else []
            if chosen is None or chosen <= count:
                return []
            return [problem(key, chosen, f"must not exceed model.timesteps = {count}")]

    def prepare(
        self, images: torch.Tensor, setting: QuerySettings, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 images, and the settings of queries."""
        self.clean = setting.clean(images)
        self.setting = setting
        self.noises = self.options.noises
        self.timesteps = _chosen(setting, self.options.timesteps).to(setting.device)

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) losses of the n images, 0 or more; about 1 for an untrained network."""
        with torch.inference_mode():
            return self._measured(trained)

    def _measured(self, trained: Trained) -> np.ndarray:
        from diffcredit.sampling import initial_noise

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
        """(b,) losses for b combinations of an image, a noise and a timestep, by number."""
        family, timesteps = self.setting.family, self.timesteps[place]
        noised = family.schedule.add_noise(self.clean[image], noise[draw], timesteps)
        error = family.predict(network, noised, timesteps) - noise[draw]
        return error.square().flatten(1).mean(1)


def _chosen(setting: QuerySettings, timesteps: int | Sequence[int] | None) -> torch.Tensor:
    """The given timesteps, or the timesteps of DDIM sampling with this number of steps."""
    if isinstance(timesteps, Sequence):
        return torch.tensor(timesteps)
    return setting.family.schedule.visited(timesteps or setting.steps)
