"""Journey-TRAK's query features against its formula, written out step by step.

Georgiev et al. 2023 (arXiv 2312.06205), as Zheng et al. 2024 (arXiv 2311.00500) compare it: the
gradient, averaged over the steps of sampling, of ||eps(sqrt(abar_t) x0 + sqrt(1 - abar_t) e, t) -
e||^2 with x0 the clean image that is predicted at the step, and e fresh noise.
"""

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from trainings import FAMILY, encoded

from diffcredit.attribution.gradients.features import gradient_features
from diffcredit.attribution.gradients.projection import Exact
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.attribution.gradients.states import States
from diffcredit.config import Gradients
from diffcredit.models import diffusion
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Structure
from diffcredit.registry import FUNCTIONS
from diffcredit.sampling import initial_noise

LEVELS, IMAGES, SEED = 50, 3, 11


@pytest.fixture
def sampler(network: UNet2DModel) -> Trained:
    return Trained(network, FAMILY, Structure(dict(network.config)))


def journey(sampler: Trained, steps: int, images: int = IMAGES, **gradients: object) -> States:
    setting = GradientSettings(Gradients(**{"timesteps": 5, **gradients}), FAMILY, seed=3)
    return setting.journey(sampler, images, steps, SEED)


def kept(timestep: int) -> float:
    """abar_t of DDPM's linear schedule, its betas scaled to this number of noise levels."""
    betas = np.linspace(1e-4 * 1000 / LEVELS, 0.02 * 1000 / LEVELS, LEVELS)
    return float(np.prod(1 - betas[: timestep + 1])) if timestep >= 0 else 1.0


def by_hand(network: UNet2DModel, steps: int) -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """Timesteps, predicted clean images (steps, n, ...) and samples of deterministic DDIM."""
    state = initial_noise((1, 8, 8), IMAGES, SEED)
    stride = LEVELS // steps
    timesteps, clean = [], []
    with torch.no_grad():
        for number in reversed(range(steps)):
            timestep = number * stride
            noise = network(state, timestep).sample
            here, after = kept(timestep), kept(timestep - stride)
            first = ((state - (1 - here) ** 0.5 * noise) / here**0.5).clamp(-1, 1)
            state = after**0.5 * first + (1 - after) ** 0.5 * noise
            timesteps.append(timestep)
            clean.append(first)
    return timesteps, torch.stack(clean), state


@pytest.mark.parametrize("steps", [1, 2, 5, 7, 10, 25])
def test_images_are_those_predicted_at_each_step(sampler: Trained, steps: int) -> None:
    found = journey(sampler, steps)
    timesteps, clean, sample = by_hand(sampler.network, steps)
    assert found.timesteps.tolist() == timesteps
    torch.testing.assert_close(found.clean, clean.transpose(0, 1), rtol=0, atol=5e-3)
    torch.testing.assert_close(found.clean[:, -1], sample, rtol=0, atol=5e-3)
    initial = initial_noise((1, 8, 8), IMAGES, SEED)
    drawn = diffusion.sample(FAMILY, sampler.network, initial, steps, batch_size=2)
    assert (FAMILY.decode(found.clean[:, -1]).int() - drawn.int()).abs().max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 5, 10])
@pytest.mark.parametrize("function", ["loss", "squared_norm"])
def test_features_are_the_formula(sampler: Trained, steps: int, function: str) -> None:
    """One image, one step and one parameter after the other."""
    network, states = sampler.network, journey(sampler, steps)
    projector = Exact(sum(parameter.numel() for parameter in network.parameters()))
    found = gradient_features(network, FUNCTIONS[function](), states, projector, 4).gradients
    timesteps, clean, _ = by_hand(network, steps)
    for image in range(IMAGES):
        network.zero_grad()
        for timestep, first, noise in zip(timesteps, clean[:, image], states.noise, strict=True):
            share = kept(timestep)
            noised = share**0.5 * first + (1 - share) ** 0.5 * noise
            predicted = network(noised[None], timestep).sample[0]
            missed = predicted - noise if function == "loss" else predicted
            ((missed**2).mean() / steps).backward()
        squares = sum(float((p.grad**2).sum()) for p in network.parameters())
        assert float((found[image] ** 2).sum()) == pytest.approx(squares, rel=1e-3)
        own = network.conv_out.weight.grad.flatten(1)
        own = torch.cat([own, network.conv_out.bias.grad[:, None]], 1).flatten()
        torch.testing.assert_close(found[image, -len(own) :], own, rtol=1e-3, atol=1e-5)
    network.zero_grad()


@pytest.mark.parametrize("steps", [5, 10, 25])
def test_noise_is_fresh_and_belongs_to_the_timestep(sampler: Trained, steps: int) -> None:
    """Where images are noised at the same timestep, with the same noise; else with another."""
    states = journey(sampler, steps)
    images = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    others = GradientSettings(Gradients(timesteps=5), FAMILY, seed=3).noised(encoded(images))
    both = [
        (k, others.timesteps.tolist().index(t))
        for k, t in enumerate(states.timesteps.tolist())
        if t in others.timesteps.tolist()
    ]
    assert both
    for own, other in both:
        assert torch.equal(states.noise[own], others.noise[other])
    assert len(torch.unique(states.noise.flatten(1), dim=0)) == steps
    initial = initial_noise((1, 8, 8), IMAGES, SEED)
    drawn = torch.cat([initial, states.noise]).flatten(1)
    correlations = torch.corrcoef(drawn)[:IMAGES, IMAGES:]
    assert correlations.abs().max() < 0.6  # 64 pixels: 5 standard deviations


def test_more_images_and_other_batches_change_nothing(sampler: Trained) -> None:
    few, many = journey(sampler, 5), journey(sampler, 5, images=5, batch_size=2)
    torch.testing.assert_close(few.clean, many.clean[:IMAGES], rtol=1e-3, atol=1e-5)
    assert torch.equal(few.noise, many.noise)
