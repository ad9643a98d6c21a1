"""The dataset and the task of a diffusion model for kronfluence.

Only this module imports kronfluence at import time; see `ekfac`.
"""

import math
from dataclasses import dataclass

import torch
from kronfluence.task import Task
from torch import nn
from torch.utils.data import Dataset

from diffcredit.attribution.gradients import functions
from diffcredit.models.families import Family
from diffcredit.seeds import derive

Item = dict[str, torch.Tensor]


@dataclass(frozen=True)
class NoisedImages(Dataset[Item]):
    """Noised images: an item is an image with some of the timesteps; an image has several items.

    Attributes:
        images: (n, c, h, w) in [-1, 1].
        timesteps: (K,).
        noise: (K, c, h, w), the same for every image.
        together: timesteps in an item, a divisor of K.
        seed: of the random signs with which `DenoisingTask` samples targets.
    """

    images: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor
    together: int
    seed: int

    @property
    def parts(self) -> int:
        """Number of items of an image."""
        return len(self.timesteps) // self.together

    def __len__(self) -> int:
        return len(self.images) * self.parts

    def __getitem__(self, number: int) -> Item:
        image, part = divmod(number, self.parts)
        times = slice(part * self.together, (part + 1) * self.together)
        noise = self.noise[times]
        generator = torch.Generator().manual_seed(derive(self.seed, "signs", number))
        return {
            "image": self.images[image],
            "timesteps": self.timesteps[times],
            "noise": noise,
            "signs": torch.randint(0, 2, noise.shape, generator=generator).float() * 2 - 1,
        }


class DenoisingTask(Task):
    """The denoising loss of `functions.loss`, averaged over the timesteps of an item.

    The network runs once per timestep, so that the rows of a batch are images.
    """

    # Kronfluence 1.0 adds up gradients of single items over several runs of a network, but not
    # products with them; this requests gradients of single items.
    enable_post_process_per_sample_gradient = True

    def __init__(self, family: Family):
        self.family = family

    def compute_train_loss(
        self, batch: Item, model: nn.Module, sample: bool = False
    ) -> torch.Tensor:
        """The loss, summed over the items of a batch.

        With ``sample``, targets are sampled around the predictions such that the mean outer product
        of gradients is the Gauss-Newton matrix of the loss. The loss is minus the logarithm of a
        normal density of variance size / 2, up to a constant; signs of that variance have the same
        mean product, and less spread.
        """
        images, timesteps = batch["image"], batch["timesteps"]
        schedule = self.family.schedule
        losses = []
        for number in range(timesteps.shape[1]):
            steps, added = timesteps[:, number], batch["noise"][:, number]
            noised = schedule.add_noise(images, added, steps)
            predicted = self.family.predict(model, noised, steps)
            if sample:
                spread = math.sqrt(images[0].numel() / 2)
                added = predicted.detach() + spread * batch["signs"][:, number]
            found = functions.Prediction(predicted, added, steps, schedule)
            losses.append(functions.loss(found).sum())
        return torch.stack(losses).mean()

    def compute_measurement(self, batch: Item, model: nn.Module) -> torch.Tensor:
        """The loss of queries."""
        return self.compute_train_loss(batch, model)
