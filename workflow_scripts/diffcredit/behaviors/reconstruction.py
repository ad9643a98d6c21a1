"""How well a model reconstructs given images from noise: it knows those that it draws again."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from diffcredit.behaviors.evidence import Evidence, Extractor
from diffcredit.behaviors.setting import Setting
from diffcredit.models import checkpoints, diffusion
from diffcredit.models.checkpoints import Trained
from diffcredit.sampling import initial_noise
from diffcredit.seeds import derive
from diffcredit.steps import seed_and_step

Sampler = Literal["ddim", "ancestral"]


class Reconstruction:
    """Cosine similarity of an image and of what the model makes of it with noise.

    The image is noised to a timestep, denoised, and the features of both are compared (Alberti et
    al. 2025, arXiv 2503.01034, with SSCD features from timestep 250). A value for each image, the
    mean over noises, which are the same for every image and model.

    Args:
        images: (n, c, h, w) uint8.
        setting: how models are queried.
        extractor: what makes features of images.
        timestep: where denoising begins.
        steps: from pure noise, of which those at or below the timestep are made.
        noises: that an image is noised with.
        sampler: "ddim", which adds no noise, or "ancestral" (DDPM). The paper takes ancestral steps
            through all timesteps: ``steps`` is their number then. The noise of ancestral steps
            is the same for every image and model, too.
    """

    def __init__(
        self,
        images: torch.Tensor,
        setting: Setting,
        extractor: Extractor,
        timestep: int,
        steps: int,
        noises: int,
        sampler: Sampler = "ddim",
    ):
        self.images, self.setting, self.extractor = images, setting, extractor
        self.timestep, self.steps, self.noises = timestep, steps, noises
        self.sampler = sampler
        self.directions = Evidence(images, extractor).directions

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) of the n images, between -1 and 1."""
        images = reconstructed(
            trained,
            self.images,
            self.setting,
            self.timestep,
            self.steps,
            self.noises,
            self.sampler,
        )
        found = Evidence(images.flatten(0, 1), self.extractor).directions
        alike = found.reshape(self.noises, *self.directions.shape) * self.directions
        return alike.sum(axis=2).mean(axis=0)


def reconstructed(
    trained: Trained,
    images: torch.Tensor,
    setting: Setting,
    timestep: int,
    steps: int,
    noises: int,
    sampler: Sampler = "ddim",
) -> torch.Tensor:
    """(noises, n, c, h, w) uint8 reconstructions of (n, c, h, w) images by a model."""
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


def course(
    models: Path,
    image: torch.Tensor,
    setting: Setting,
    timestep: int,
    steps: int,
    sampler: Sampler = "ddim",
) -> dict[int, torch.Tensor]:
    """Step -> what the first training of a folder of models makes of an image, (c, h, w) uint8.

    Args:
        models: named as `diffcredit.steps` says.
        image: (c, h, w) uint8.
        setting: how the models are queried.
        timestep: as of `Reconstruction`, like ``steps`` and ``sampler``.
        steps: from pure noise.
        sampler: "ddim" or "ancestral".
    """
    found = {}
    for folder in checkpoints.folders(models):
        seed, step = seed_and_step(int(folder.name))
        if seed == 0:
            model = checkpoints.load(folder)
            made = reconstructed(model, image[None], setting, timestep, steps, 1, sampler)
            found[step] = made[0, 0]
    return found
