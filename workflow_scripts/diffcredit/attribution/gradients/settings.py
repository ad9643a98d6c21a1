"""Settings of gradient features, and their computation for a shard of images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffcredit.attribution.gradients import states, store
from diffcredit.attribution.gradients.features import GradientFeatures, gradient_features
from diffcredit.attribution.gradients.layers import Projector
from diffcredit.attribution.gradients.projection import Exact, Projection
from diffcredit.code import cached_digest
from diffcredit.config import Gradients
from diffcredit.models import checkpoints, diffusion
from diffcredit.models.checkpoints import Trained
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.plan.made import digest
from diffcredit.registry import FUNCTIONS
from diffcredit.sampling import initial_noise
from diffcredit.seeds import derive

#: Parts of the library whose code must not change between the tries of an interrupted job.
CODE = ("attribution/gradients", "models")


@dataclass(frozen=True)
class GradientSettings:
    """Settings of gradient features, the same for all images.

    Attributes:
        gradients: entry of the configuration.
        family: of the models.
        seed: of the noises and the projection.
        device: "cpu" or "cuda".
    """

    gradients: Gradients
    family: Family
    seed: int
    device: str = "cpu"

    def facts(self, model: Path, along: str = "noise") -> dict[str, Any]:
        """Facts that identify stored features.

        Args:
            model: its folder.
            along: "noise" for features of images, "journey" for features of `journey`.
        """
        return {
            "model": digest(checkpoints.digest(model), checkpoints.described_by(model)),
            "function": self.gradients.function.model_dump(),
            "timesteps": [along, self.gradients.timesteps, self.gradients.at],
            "dimensions": self.gradients.dimensions,
            "seed": self.seed,
        }

    def projector(self, network: torch.nn.Module) -> Projector:
        """The projection of the gradients of a network."""
        if self.gradients.dimensions == "all":
            return Exact(sum(parameter.numel() for parameter in network.parameters()))
        return Projection(self.gradients.dimensions, derive(self.seed, "projection"))

    def noised(self, examples: Examples) -> states.States:
        """N examples with the noise of each timestep of the configuration."""
        timesteps = self._timesteps()
        clean = self.family.clean(examples).to(self.device)[:, None]
        return states.States(self.family, clean, timesteps, self._noise(timesteps))

    def journey(self, sampler: Trained, images: int, steps: int, seed: int) -> states.States:
        """Noised predictions along the sampling trajectories of a model, for Journey-TRAK.

        At each sampling step the model predicts the clean image. This prediction is noised at the
        step's timestep with a noise independent of the sampling (Georgiev et al. 2023, arXiv
        2312.06205; as in Zheng et al. 2024, arXiv 2311.00500, at all steps with one noise each).
        Timesteps of `noised` have the same noise as there.

        Args:
            sampler: the model that generated the samples.
            images: number of samples.
            steps: DDIM steps, each a timestep of the states.
            seed: of the initial noises.
        """
        family = self.family
        initial = initial_noise(family.shape, images, seed).to(self.device)
        network = sampler.network.to(self.device).eval()
        at_once = self.gradients.batch_size
        clean = diffusion.predicted_clean(family, network, initial, steps, at_once)
        timesteps = family.schedule.visited(steps)
        return states.States(family, clean, timesteps, self._noise(timesteps))

    def _timesteps(self) -> torch.Tensor:
        count = self.family.schedule.num_train_timesteps
        return states.timesteps(count, self.gradients.timesteps, self.gradients.at)

    def _noise(self, timesteps: torch.Tensor) -> torch.Tensor:
        """(k, c, h, w) noise of each timestep; the configured timesteps are sampled together."""
        own = self._timesteps().tolist()
        drawn = initial_noise(self.family.shape, len(own), derive(self.seed, "noise"))
        by_timestep = dict(zip(own, drawn, strict=True))
        for timestep in timesteps.tolist():
            if timestep not in by_timestep:
                seed = derive(self.seed, "noise", timestep)
                by_timestep[timestep] = initial_noise(self.family.shape, 1, seed)[0]
        return torch.stack([by_timestep[timestep] for timestep in timesteps.tolist()])


def write_features(
    folder: Path,
    setting: GradientSettings,
    model: Path,
    of: states.States,
    along: str,
    label: str,
) -> None:
    """Compute the features of images, block by block, into a folder of `store`."""
    network = checkpoints.load(model).network.to(setting.device)
    projector, function = (
        setting.projector(network),
        FUNCTIONS[setting.gradients.function.name].of(setting.gradients.function),
    )
    at_once = setting.gradients.batch_size

    def compute(rows: slice) -> GradientFeatures:
        return gradient_features(network, function, of.part(rows), projector, at_once)

    store.fill(
        folder,
        setting.facts(model, along)
        | {"images": store.digest(of.clean), "code": cached_digest(*CODE)},
        (len(of), projector.dimensions),
        compute,
        block=8 * max(1, at_once // len(of.timesteps)),
        label=label,
    )
