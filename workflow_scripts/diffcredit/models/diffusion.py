"""The noise schedule and the samplers, the same for all model families.

Noised examples are x_t = alpha_t x_0 + sigma_t e, with e standard normal and alpha^2 + sigma^2 = 1
(Ho et al. 2020, arXiv 2006.11239). Every family predicts e.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from diffcredit.models.betas import betas

if TYPE_CHECKING:
    from diffcredit.models.families import Family

#: Largest beta of the cosine schedule, so that the last alpha is above 0.
LARGEST_BETA = 0.999
#: beta_1 and beta_1000 of scaled_linear (Rombach et al. 2022, arXiv 2112.10752).
LATENT_BETAS = (8.5e-4, 1.2e-2)


def linear(num_train_timesteps: int) -> torch.Tensor:
    """(T,) betas of DDPM, evenly spaced (Ho et al. 2020)."""
    ends = betas(num_train_timesteps)
    return torch.linspace(
        ends["beta_start"], ends["beta_end"], num_train_timesteps, dtype=torch.float32
    )


def scaled_linear(num_train_timesteps: int) -> torch.Tensor:
    """(T,) betas whose square roots are evenly spaced, as in Stable Diffusion.

    For T other than 1,000 they are scaled by 1000 / T, as in `linear`.
    """
    first, last = (beta * 1000 / num_train_timesteps for beta in LATENT_BETAS)
    last = min(last, LARGEST_BETA)
    return torch.linspace(first**0.5, last**0.5, num_train_timesteps, dtype=torch.float32).square()


def cosine(num_train_timesteps: int) -> torch.Tensor:
    """(T,) betas for which alpha^2 is a squared cosine (Nichol & Dhariwal 2021, eq. 17)."""

    def kept(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    times = [step / num_train_timesteps for step in range(num_train_timesteps + 1)]
    found = [min(1 - kept(end) / kept(start), LARGEST_BETA) for start, end in pairwise(times)]
    return torch.tensor(found, dtype=torch.float32)


SCHEDULES: dict[str, Callable[[int], torch.Tensor]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "cosine": cosine,
}


@dataclass(frozen=True)
class NoiseSchedule:
    """alpha and sigma of each timestep, float32 on the CPU.

    Attributes:
        name: "linear", "scaled_linear" or "cosine".
        num_train_timesteps: T; timesteps are 0..T-1, and T-1 is the noisiest.
    """

    name: str
    num_train_timesteps: int

    @cached_property
    def _betas(self) -> torch.Tensor:
        return SCHEDULES[self.name](self.num_train_timesteps)

    @cached_property
    def alphas_cumprod(self) -> torch.Tensor:
        """(T,) alpha^2."""
        return torch.cumprod(1 - self._betas, dim=0)

    @cached_property
    def alpha(self) -> torch.Tensor:
        """(T,) factor of the clean example, in (0, 1)."""
        return self.alphas_cumprod.sqrt()

    @cached_property
    def sigma(self) -> torch.Tensor:
        """(T,) standard deviation of the noise, in (0, 1)."""
        return (1 - self.alphas_cumprod).sqrt()

    @cached_property
    def log_noise_to_signal(self) -> np.ndarray:
        """(T,) float64 log(sigma / alpha), increasing."""
        kept = self.alphas_cumprod.double().numpy()
        return np.log((1 - kept) / kept) / 2

    @cached_property
    def variational_weights(self) -> torch.Tensor:
        """(T,) weights of the loss in the variational bound, beta / (2 (1 - beta) sigma^2).

        Ho et al. 2020, eq. 12, with beta_t as the variance of step t.
        """
        return self._betas / (2 * (1 - self._betas) * (1 - self.alphas_cumprod))

    def add_noise(
        self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """(n, ...) noised examples, from (n, ...) clean ones, their noise and (n,) timesteps."""
        alpha, sigma = self.at(timesteps, clean)
        return alpha * clean + sigma * noise

    def at(self, timesteps: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Alpha and sigma of (n,) timesteps, (n, 1, ...) on the device of ``like`` (n, ...)."""
        alphas, sigmas = self._on(like.device)
        shape = (-1, *[1] * (like.dim() - 1))
        own = timesteps.to(like.device)
        return alphas[own].view(shape), sigmas[own].view(shape)

    def _on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Alpha and sigma on a device, cached."""
        if device not in self._copies:
            self._copies[device] = self.alpha.to(device), self.sigma.to(device)
        return self._copies[device]

    @cached_property
    def _copies(self) -> dict[torch.device, tuple[torch.Tensor, torch.Tensor]]:
        return {}

    def visited(self, steps: int) -> torch.Tensor:
        """(steps,) evenly spaced timesteps of a sampler, from the noisiest to 0."""
        return (torch.arange(steps) * (self.num_train_timesteps // steps)).flip(0)


class Step(NamedTuple):
    """The result of one step of a sampler.

    Attributes:
        sample: (n, ...) examples at the next timestep.
        clean: (n, ...) x_0 that the network predicts, clipped to the bounds of the family.
    """

    sample: torch.Tensor
    clean: torch.Tensor


@torch.inference_mode()
def sample(
    family: "Family",
    network: torch.nn.Module,
    noise: torch.Tensor,
    steps: int,
    batch_size: int,
    condition: torch.Tensor | None = None,
) -> torch.Tensor:
    """Deterministic DDIM samples from given initial noise (Song et al. 2020, arXiv 2010.02502).

    Args:
        family: of the network.
        network: the denoising network, on the device of ``noise``.
        noise: (n, ...) initial noise; equal noise gives comparable images across models.
        steps: DDIM steps.
        batch_size: images in a batch.
        condition: (n, ...) condition of each image; None for unconditional models.

    Returns:
        (n, c, h, w) uint8 images.
    """
    sampler, finished = _Sampler(family, network, steps), []
    for rows in _batches(len(noise), batch_size):
        given = _rows(condition, rows)
        finished.append(sampler.images(noise[rows], sampler.timesteps, given))
    return torch.cat(finished)


@torch.inference_mode()
def reconstruct(
    family: "Family",
    network: torch.nn.Module,
    clean: torch.Tensor,
    noise: torch.Tensor,
    timestep: int,
    steps: int,
    batch_size: int,
    seeds: list[int] | None = None,
    condition: torch.Tensor | None = None,
) -> torch.Tensor:
    """Noise examples to a timestep and denoise them, by DDIM or by ancestral sampling.

    Args:
        family: of the network.
        network: the denoising network, on the device of ``clean``.
        clean: (n, ...) x_0.
        noise: (n, ...) standard normal.
        timestep: noise level to start from; the largest visited timestep at or below it is used.
        steps: number of steps from pure noise; only the last ones are made.
        batch_size: examples in a batch.
        seeds: None for deterministic DDIM; for ancestral sampling (n,) seeds of the added noise.
            Examples with equal seeds get the same noise.
        condition: (n, ...) condition of each example; None for unconditional models.

    Returns:
        (n, c, h, w) uint8 images.
    """
    sampler, finished = _Sampler(family, network, steps), []
    timesteps = sampler.timesteps[sampler.timesteps <= timestep]
    for rows in _batches(len(clean), batch_size):
        generators = None
        if seeds is not None:
            generators = [torch.Generator().manual_seed(seed) for seed in seeds[rows]]
        noised = family.schedule.add_noise(clean[rows], noise[rows], timesteps[:1])
        given = _rows(condition, rows)
        finished.append(sampler.images(noised, timesteps, given, generators))
    return torch.cat(finished)


@torch.no_grad()
def predicted_clean(
    family: "Family",
    network: torch.nn.Module,
    noise: torch.Tensor,
    steps: int,
    batch_size: int,
    condition: torch.Tensor | None = None,
) -> torch.Tensor:
    """(n, steps, ...) x_0 that the network predicts at each step of `sample`, noisiest first.

    They are clipped to the bounds of the family, as DDIM does. The last one is the sample.
    Arguments as in `sample`.
    """
    sampler, parts = _Sampler(family, network, steps), []
    for rows in _batches(len(noise), batch_size):
        made = sampler.denoise(noise[rows], sampler.timesteps, _rows(condition, rows))
        parts.append(torch.stack([step.clean for step in made], 1))
    return torch.cat(parts)


def _batches(count: int, batch_size: int) -> list[slice]:
    return [slice(start, start + batch_size) for start in range(0, count, batch_size)]


def _rows(condition: torch.Tensor | None, rows: slice) -> torch.Tensor | None:
    return None if condition is None else condition[rows]


class _Sampler:
    """The steps of DDIM and of ancestral sampling, computed as in diffusers' schedulers.

    Args:
        family: of the network.
        network: the denoising network.
        steps: number of steps from pure noise.
    """

    def __init__(self, family: "Family", network: torch.nn.Module, steps: int):
        self.family, self.network = family, network
        self.timesteps = family.schedule.visited(steps)
        self.stride = family.schedule.num_train_timesteps // steps

    def denoise(
        self,
        current: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None,
        generators: list[torch.Generator] | None = None,
    ) -> Iterator[Step]:
        """Yield the steps from (n, ...) noised examples; generators make them ancestral."""
        for timestep in timesteps:
            predicted = self.family.predict(self.network, current, timestep, condition)
            clean = self._clean(current, predicted, timestep)
            if generators is None:
                made = self._ddim(clean, predicted, timestep)
            else:
                made = self._ancestral(clean, current, timestep, generators)
            yield Step(made, clean)
            current = made

    def images(
        self,
        noised: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None,
        generators: list[torch.Generator] | None = None,
    ) -> torch.Tensor:
        """(n, c, h, w) uint8 images after the last step of `denoise`."""
        for step in self.denoise(noised, timesteps, condition, generators):
            last = step.sample
        return self.family.decode(last)

    def _clean(
        self, current: torch.Tensor, predicted: torch.Tensor, timestep: torch.Tensor
    ) -> torch.Tensor:
        schedule = self.family.schedule
        clean = (current - schedule.sigma[timestep] * predicted) / schedule.alpha[timestep]
        return clean if self.family.bounds is None else clean.clamp(*self.family.bounds)

    def _ddim(
        self, clean: torch.Tensor, predicted: torch.Tensor, timestep: torch.Tensor
    ) -> torch.Tensor:
        kept = self._kept(timestep - self.stride)
        return kept.sqrt() * clean + (1 - kept).sqrt() * predicted

    def _ancestral(
        self,
        clean: torch.Tensor,
        current: torch.Tensor,
        timestep: torch.Tensor,
        generators: list[torch.Generator],
    ) -> torch.Tensor:
        """A sample of q(x_{t-1} | x_t, x_0) with the posterior variance (Ho et al. 2020, eq. 7)."""
        now, then = self._kept(timestep), self._kept(timestep - self.stride)
        ratio = now / then
        of_clean = then.sqrt() * (1 - ratio) / (1 - now)
        of_current = ratio.sqrt() * (1 - then) / (1 - now)
        mean = of_clean * clean + of_current * current
        if timestep == 0:
            return mean
        variance = ((1 - then) / (1 - now) * (1 - ratio)).clamp(min=1e-20)
        shape = (1, *current.shape[1:])
        noise = torch.cat([torch.randn(shape, generator=own) for own in generators])
        return mean + variance.sqrt() * noise.to(current.device)

    def _kept(self, timestep: torch.Tensor) -> torch.Tensor:
        """alpha^2 of a timestep; 1 below timestep 0."""
        if timestep < 0:
            return torch.tensor(1.0)
        return self.family.schedule.alphas_cumprod[timestep]
