"""The likelihood of images: closed forms of Gaussian data, and networks as they are."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trainings
from scipy.stats import multivariate_normal
from trainings import family_of, from_uint8, schedule

from diffcredit.behaviors.likelihood import Likelihood
from diffcredit.behaviors.model_behaviors import measure_shard
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.config import Behavior
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.training.make_model import model_facts

SETTING = QuerySettings(family=family_of(1000), steps=4, batch_size=16, seed=7, device="cpu")
MODEL = Pixel.Options(
    family="pixel",
    channels=[4, 8],
    attention=[False, True],
    norm_groups=2,
    head_dim=2,
    timesteps=1000,
)
SHAPE = (1, 2, 2)
MEAN = np.array([-0.5, 0.3, 0.0, 0.6])
DIAGONAL = np.diag([0.04, 0.3, 1.0, 0.1])


def correlated() -> np.ndarray:
    root = np.random.default_rng(0).normal(size=(4, 4)) / 3
    return root @ root.T + 0.02 * np.eye(4)


class Gaussian(torch.nn.Module):
    """Knows that the data are N(mean, covariance), and so the expected noise."""

    def __init__(self, mean: np.ndarray, covariance: np.ndarray, timesteps: int = 1000):
        super().__init__()
        self.mean, self.covariance = torch.tensor(mean), torch.tensor(covariance)
        self.levels = schedule(timesteps).log_noise_to_signal

    def forward(self, noised: torch.Tensor, timesteps: torch.Tensor) -> SimpleNamespace:
        """The mean of the noise, sigma (alpha^2 S + sigma^2)^-1 (x - alpha m)."""
        level = np.interp(timesteps[0].item(), np.arange(len(self.levels)), self.levels)
        alpha, sigma = scales(level)
        spread = alpha**2 * self.covariance + sigma**2 * torch.eye(4, dtype=torch.float64)
        centered = noised.double().flatten(1) - alpha * self.mean
        found = sigma * torch.linalg.solve(spread, centered.T).T
        return SimpleNamespace(sample=found.reshape(noised.shape).float())


def scales(level: float) -> tuple[float, float]:
    """Alpha and sigma where log(sigma / alpha) is ``level``."""
    return (1 + np.exp(2 * level)) ** -0.5, (1 + np.exp(-2 * level)) ** -0.5


def trained(network: torch.nn.Module) -> Trained:
    return Trained(network, SETTING.family, SETTING.family.structure)


def pixels(count: int = 5, side: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(side)
    return torch.randint(0, 256, (count, 1, side, side), generator=generator, dtype=torch.uint8)


def plain(images: torch.Tensor, setting: QuerySettings = SETTING, steps: int = 40) -> Likelihood:
    """Without anything random."""
    return Likelihood(images, setting, steps=steps, probes="exact", dequantize=False)


def closed_form(
    images: torch.Tensor, mean: np.ndarray, covariance: np.ndarray, timesteps: int
) -> np.ndarray:
    """Bits per dimension: the ODE moves and stretches a Gaussian along its axes to N(0, I)."""
    levels = schedule(timesteps).log_noise_to_signal
    (alpha, sigma), (last_alpha, last_sigma) = scales(levels[0]), scales(levels[-1])
    variances, axes = np.linalg.eigh(covariance)
    before, after = alpha**2 * variances + sigma**2, last_alpha**2 * variances + last_sigma**2
    clean = from_uint8(images).flatten(1).double().numpy()
    stretched = (clean - alpha * mean) @ axes * np.sqrt(after / before)
    ends = stretched @ axes.T + last_alpha * mean
    logs = multivariate_normal(np.zeros(4)).logpdf(ends) + np.log(after / before).sum() / 2
    return 7 - logs / (4 * np.log(2))


@pytest.mark.parametrize("timesteps", [1000, 40])
@pytest.mark.parametrize("covariance", [DIAGONAL, correlated()])
def test_gaussian_data_have_their_closed_form(timesteps: int, covariance: np.ndarray) -> None:
    images = pixels()
    network = Gaussian(MEAN, covariance, timesteps)
    found = plain(images, replace(SETTING, family=family_of(timesteps)))(trained(network))
    expected = closed_form(images, MEAN, covariance, timesteps)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.ptp(found) > 0.5


def test_likelihood_is_that_of_the_data_with_the_noise_of_the_cleanest_level() -> None:
    """The last level is almost, not wholly, noise."""
    images, covariance = pixels(), correlated()
    alpha, sigma = scales(schedule(1000).log_noise_to_signal[0])
    density = multivariate_normal(alpha * MEAN, alpha**2 * covariance + sigma**2 * np.eye(4))
    clean = from_uint8(images).flatten(1).double().numpy()
    found = plain(images)(trained(Gaussian(MEAN, covariance)))
    np.testing.assert_allclose(found, 7 - density.logpdf(clean) / (4 * np.log(2)), atol=0.02)


def test_steps_converge_with_order_four() -> None:
    images, covariance = pixels(), correlated()
    network = trained(Gaussian(MEAN, covariance))
    expected = closed_form(images, MEAN, covariance, 1000)
    errors = [np.abs(plain(images, steps=steps)(network) - expected).max() for steps in (8, 16, 32)]
    assert errors[0] > 8 * errors[1] > 64 * errors[2]


def test_one_probe_is_exact_where_pixels_are_independent() -> None:
    network = trained(Gaussian(MEAN, DIAGONAL))
    one = Likelihood(pixels(), SETTING, probes=1, dequantize=False)(network)
    np.testing.assert_allclose(one, plain(pixels(), steps=20)(network), rtol=1e-5)


@pytest.mark.slow
def test_many_probes_agree_with_the_exact_trace() -> None:
    network = trained(Gaussian(MEAN, correlated()))
    exact = plain(pixels(), steps=8)(network)
    few, many = (
        Likelihood(pixels(), SETTING, steps=8, probes=probes, dequantize=False)(network) - exact
        for probes in (1, 400)
    )
    assert np.abs(many).max() < 0.05
    assert np.abs(few).max() > 3 * np.abs(many).max()


def test_images_are_likely_under_a_model_of_their_like() -> None:
    images = torch.tensor([[20, 200, 90, 250], [220, 30, 200, 10]], dtype=torch.uint8)
    images = images.reshape(2, *SHAPE)
    means = from_uint8(images).flatten(1).double().numpy()
    for own, mean in enumerate(means):
        bits = Likelihood(images, SETTING)(trained(Gaussian(mean, 0.1 * np.eye(4))))
        assert bits[own] < bits[1 - own] - 1


def test_a_pixel_drawn_from_its_256th_changes_little_and_by_the_seed_alone() -> None:
    network = trained(Gaussian(MEAN, DIAGONAL))
    as_it_is = plain(pixels())(network)
    one, again, other = (
        Likelihood(pixels(), replace(SETTING, seed=seed), steps=40, probes="exact")(network)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()
    np.testing.assert_allclose(one, as_it_is, atol=0.1)
    np.testing.assert_array_equal(plain(pixels(), replace(SETTING, seed=1))(network), as_it_is)


def test_pixels_are_drawn_from_their_256th() -> None:
    images = pixels(200)
    drawn = (Likelihood(images, SETTING).images + 1) * 128
    within = drawn - images
    assert 0 <= within.min() < 0.01
    assert 0.99 < within.max() <= 1
    assert within.mean() == pytest.approx(0.5, abs=0.05)


def untrained(seed: int = 0) -> Trained:
    return trainings.untrained(MODEL, seed)


def test_likelihood_depends_neither_on_the_batch_nor_on_further_images() -> None:
    images = pixels(5, side=8)
    whole = Likelihood(images, SETTING, steps=3)(untrained())
    assert whole.shape == (5,)
    parts = Likelihood(images, replace(SETTING, batch_size=2), steps=3)(untrained())
    np.testing.assert_allclose(parts, whole, rtol=1e-5)
    first = Likelihood(images[:2], SETTING, steps=3)(untrained())
    np.testing.assert_allclose(first, whole[:2], rtol=1e-5)


def test_likelihood_follows_the_order_of_the_images() -> None:
    network = trained(Gaussian(MEAN, correlated()))
    np.testing.assert_allclose(
        plain(pixels().flip(0), steps=4)(network), plain(pixels(), steps=4)(network)[::-1]
    )


def test_exact_trace_of_a_network_is_the_mean_of_all_signs() -> None:
    """Off the diagonal, signs cancel out."""
    model = Pixel.Options(
        family="pixel", channels=[4], attention=[False], norm_groups=2, head_dim=2
    )
    network = trainings.untrained(model, side=2)
    exact = plain(pixels(2), steps=2)
    expected = exact(network)
    every = torch.cartesian_prod(*[torch.tensor([-1, 1], dtype=torch.int8)] * 4)
    sampled = Likelihood(pixels(2), SETTING, steps=2, probes=16, dequantize=False)
    sampled.signs = every.reshape(16, 1, *SHAPE).expand(16, 2, *SHAPE)
    np.testing.assert_allclose(sampled(network), expected, rtol=1e-5)


def test_the_network_stays_as_it_was() -> None:
    model = untrained()
    Likelihood(pixels(1, side=8), SETTING, steps=1)(model)
    assert all(p.requires_grad and p.grad is None for p in model.network.parameters())


def test_shard_has_the_likelihood_of_each_query(tmp_path: Path) -> None:
    images = pixels(3, side=8)
    for index in (3, 12):
        checkpoints.save(
            untrained(index),
            tmp_path / f"{index:06d}",
            {**model_facts(0, index), "step": 5, "seconds": 1.0},
        )
    measure = Likelihood.Options(name="likelihood", queries=3, steps=2)
    behaviors = {"bits": Behavior(measure=measure)}
    table = measure_shard(tmp_path, {"bits": images}, SETTING, {}, behaviors, "test")
    wide = table.pivot(index="coalition", columns="query", values="value")
    np.testing.assert_array_equal(wide.loc[12], Likelihood(images, SETTING, steps=2)(untrained(12)))
    assert (wide.loc[3] != wide.loc[12]).all()
