"""How well a model reconstructs given images from noised ones; it memorizes those it recovers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.measure import ModelMeasure
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count, Several
from diffcredit.seeds import derive

if TYPE_CHECKING:
    import torch

    from diffcredit.behaviors.extractor import Extractor
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.config import Config
    from diffcredit.models.checkpoints import Trained

Sampler = Literal["ddim", "ancestral"]


class Reconstruction(ModelMeasure):
    """Cosine similarity of an image and its reconstruction from a noised version.

    The image is noised to a timestep, denoised, and the features of both are compared (Alberti et
    al. 2025, arXiv 2503.01034, with SSCD features from timestep 250). The value of an image is the
    mean over noises, which are the same for every image and model. The sampler "ddim" adds no
    noise; "ancestral" (DDPM) does, the same for every image and model. The paper uses ancestral
    steps through all timesteps, so ``steps`` is the number of timesteps.
    """

    needs, better = "features", "higher"
    reconstructs = True

    class Options(ModelMeasure.Options):
        """How images are noised and denoised."""

        timestep: Count = Field(
            250, description="noise level that it begins from, 1 or more, below model.timesteps"
        )
        steps: Several = Field(
            50,
            description="steps from pure noise, of which those at or below timestep are made; "
            "2 to model.timesteps",
        )
        sampler: Sampler = Field(
            "ddim",
            description="ddim, or ancestral (DDPM steps, with steps = model.timesteps as in SISS)",
        )
        noises: Count = Field(4, description="noises, the same for every model; 1 or more")

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message for each option that needs more noise levels than the model has."""
            found, levels = [], config.model.timesteps
            if self.timestep >= levels:
                accepted = f"must be below model.timesteps = {levels}"
                found.append(problem(f"{key}.timestep", self.timestep, accepted))
            if self.steps > levels:
                accepted = f"must not exceed model.timesteps = {levels}"
                found.append(problem(f"{key}.steps", self.steps, accepted))
            return found

    def prepare(
        self, images: torch.Tensor, setting: QuerySettings, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 images and the extractor, and compute their features."""
        assert extractor is not None
        options = self.options
        self.images, self.setting, self.extractor = images, setting, extractor
        self.timestep, self.steps, self.noises = options.timestep, options.steps, options.noises
        self.sampler = options.sampler
        self.directions = ImageFeatures(images, extractor).directions

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) similarities of the n images, between -1 and 1."""
        images = reconstructed(
            trained,
            self.images,
            self.setting,
            self.timestep,
            self.steps,
            self.noises,
            self.sampler,
        )
        found = ImageFeatures(images.flatten(0, 1), self.extractor).directions
        alike = found.reshape(self.noises, *self.directions.shape) * self.directions
        return alike.sum(axis=2).mean(axis=0)


def reconstructed(
    trained: Trained,
    images: torch.Tensor,
    setting: QuerySettings,
    timestep: int,
    steps: int,
    noises: int,
    sampler: Sampler = "ddim",
) -> torch.Tensor:
    """(noises, n, c, h, w) uint8 reconstructions of (n, c, h, w) images by a model."""
    from diffcredit.models import diffusion
    from diffcredit.sampling import initial_noise

    family, network = setting.family, trained.network.to(setting.device).eval()
    noise = initial_noise(family.shape, noises, setting.seed)
    clean = family.clean(family.encode(images))
    seeds = [derive(setting.seed, "ancestral steps", number) for number in range(noises)]
    of_rows = [seed for seed in seeds for _ in range(len(clean))]
    found = diffusion.reconstruct(
        family,
        network,
        clean.repeat(noises, 1, 1, 1).to(setting.device),
        noise.repeat_interleave(len(clean), dim=0).to(setting.device),
        timestep,
        steps,
        setting.batch_size,
        of_rows if sampler == "ancestral" else None,
    )
    return found.cpu().unflatten(0, (noises, len(clean)))


def by_step(
    models: Path,
    image: torch.Tensor,
    setting: QuerySettings,
    timestep: int,
    steps: int,
    sampler: Sampler = "ddim",
) -> dict[int, torch.Tensor]:
    """Step -> (c, h, w) uint8 reconstruction of an image along a training.

    Args:
        models: models of an unlearning run.
        image: (c, h, w) uint8.
        setting: of queries.
        timestep: as in `Reconstruction`, like ``steps`` and ``sampler``.
        steps: from pure noise.
        sampler: "ddim" or "ancestral".
    """
    from diffcredit.models import checkpoints

    found = {}
    for folder in checkpoints.folders(models):
        model = checkpoints.load(folder)
        made = reconstructed(model, image[None], setting, timestep, steps, 1, sampler)
        found[int(checkpoints.facts(folder)["step"])] = made[0, 0]
    return found
