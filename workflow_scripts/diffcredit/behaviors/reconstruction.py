"""How well a model restores given images from noise: a model that knows an image draws it again."""

import numpy as np
import torch

from diffcredit.behaviors.denoising_loss import Setting
from diffcredit.behaviors.evidence import Evidence, Extractor
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pixels import from_uint8
from diffcredit.sampling import initial_noise


class Reconstruction:
    """Cosine similarity of an image and of what the model makes of it with noise.

    The image is noised to a timestep, denoised by DDIM, and the features of both are compared
    (Alberti et al. 2025, arXiv 2503.01034, with SSCD features from timestep 250). A value for each
    image, the mean over noises, which are the same for every image and model.
    """

    def __init__(
        self,
        images: torch.Tensor,
        setting: Setting,
        extractor: Extractor,
        timestep: int,
        steps: int,
        noises: int,
    ):
        self.images, self.setting, self.extractor = images, setting, extractor
        self.timestep, self.steps, self.noises = timestep, steps, noises
        self.directions = Evidence(images, extractor).directions

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) of the n images, between -1 and 1."""
        found = Evidence(self.restored(trained).flatten(0, 1), self.extractor).directions
        alike = found.reshape(self.noises, *self.directions.shape) * self.directions
        return alike.sum(axis=2).mean(axis=0)

    def restored(self, trained: Trained) -> torch.Tensor:
        """(noises, n, c, h, w) uint8, what the model makes of the n images."""
        setting = self.setting
        network = trained.network.to(setting.device).eval()
        noise = initial_noise(trained.description.architecture, self.noises, setting.seed)
        clean = from_uint8(self.images)
        pairs = clean.expand(self.noises, *clean.shape), noise[:, None].expand(-1, *clean.shape)
        images, noises = (each.flatten(0, 1).to(setting.device) for each in pairs)
        found = ddpm.restore(
            network,
            images,
            noises,
            self.timestep,
            setting.timesteps,
            self.steps,
            setting.batch_size,
        )
        return found.cpu().unflatten(0, (self.noises, len(clean)))
