"""The U-Net, its noise schedule, and the sampler against a network that knows the answer."""

import json
import re
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from trainings import family_of, from_uint8, predict, schedule, untrained

from diffcredit.code import LIBRARY
from diffcredit.models import diffusion, families
from diffcredit.models.betas import betas
from diffcredit.models.checkpoints import Trained
from diffcredit.models.diffusion import NoiseSchedule
from diffcredit.models.families.pixel import Pixel


def signal_and_noise(timesteps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the linear schedule of DDPM, betas from 1e-4 to 0.02 for 1,000 levels."""
    scale = 1000 / timesteps
    ends = (1e-4 * scale, min(0.02 * scale, 0.999))
    kept = torch.cumprod(1 - torch.linspace(*ends, timesteps, dtype=torch.float64), 0)
    return kept.sqrt().float(), (1 - kept).sqrt().float()


@pytest.mark.parametrize("timesteps", [1000, 400, 100, 50, 30])
def test_alpha_and_sigma_are_those_of_ddpm(timesteps: int) -> None:
    alpha, sigma = signal_and_noise(timesteps)
    found = schedule(timesteps)
    torch.testing.assert_close(found.alpha, alpha, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.sigma, sigma, rtol=1e-4, atol=1e-6)
    logarithms = torch.from_numpy(found.log_noise_to_signal).float()
    torch.testing.assert_close(logarithms, (sigma / alpha).log(), rtol=1e-3, atol=1e-3)


NAMES = {"linear": "linear", "scaled_linear": "scaled_linear", "cosine": "squaredcos_cap_v2"}


@pytest.mark.parametrize("name", NAMES)
def test_schedules_are_those_of_diffusers_to_the_bit(name: str) -> None:
    """For 1,000 timesteps, with the betas of DDPM and of Stable Diffusion."""
    ends = {"scaled_linear": (0.00085, 0.012)}.get(name, (1e-4, 0.02))
    theirs = DDPMScheduler(1000, *ends, beta_schedule=NAMES[name])
    ours = NoiseSchedule(name, 1000)
    assert torch.equal(ours.alphas_cumprod, theirs.alphas_cumprod)
    clean, noise = torch.randn(1000, 1, 2, 2), torch.randn(1000, 1, 2, 2)
    times = torch.arange(1000)
    expected = theirs.add_noise(clean, noise, times)
    assert torch.equal(ours.add_noise(clean, noise, times), expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timesteps", [10, 50, 400])
def test_schedules_of_any_length_end_in_noise(name: str, timesteps: int) -> None:
    found = NoiseSchedule(name, timesteps)
    assert ((found.alpha > 0) & (found.alpha < 1)).all()
    assert (found.alpha.diff() < 0).all()
    assert found.alpha[-1] < 0.15
    torch.testing.assert_close(found.alpha**2 + found.sigma**2, torch.ones(timesteps))


def test_loss_is_weighed_as_in_the_variational_bound() -> None:
    theirs = DDPMScheduler(50, **betas(50))
    expected = theirs.betas / (2 * theirs.alphas * (1 - theirs.alphas_cumprod))
    assert torch.equal(schedule(50).variational_weights, expected)


@pytest.mark.parametrize(("timesteps", "steps"), [(1000, 50), (1000, 7), (100, 100), (50, 3)])
@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_steps_are_those_of_diffusers_to_the_bit(timesteps: int, steps: int, sampler: str) -> None:
    kind = DDIMScheduler if sampler == "ddim" else DDPMScheduler
    theirs = kind(timesteps, **betas(timesteps))
    theirs.set_timesteps(steps)
    start = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    seeds = None if sampler == "ddim" else [3, 4]
    generators = seeds and [torch.Generator().manual_seed(seed) for seed in seeds]
    family, current, expected = family_of(timesteps), start, []
    assert torch.equal(family.schedule.visited(steps), theirs.timesteps)
    for timestep in theirs.timesteps:
        guess = Guess()(current, timestep).sample
        made = theirs.step(guess, timestep, current, generator=generators)
        current = made.prev_sample
        expected.append((current, made.pred_original_sample))
    own = seeds and [torch.Generator().manual_seed(seed) for seed in seeds]
    made = diffusion._Sampler(family, Guess(), steps)
    found = list(made.denoise(start, made.timesteps, None, own))
    for (after, clean), step in zip(expected, found, strict=True):
        assert torch.equal(step.sample, after)
        assert torch.equal(step.clean, clean)


#: What only a family or the noise schedule may know.
KEPT = {
    r"UNet2DModel": {
        "models/families/pixel.py",
        "models/families/unet_folders.py",
        "models/families/unet_sizes.py",
    },
    r"betas\(|beta_|alphas_cumprod\b": {
        "models/diffusion.py",
        "models/betas.py",
        # It compares those of a published model with ours.
        "models/families/unet_folders.py",
    },
    r"D[A-Z]+Scheduler|ddpm\b": set(),
}


@pytest.mark.parametrize("pattern", KEPT)
def test_nothing_else_knows_the_network_or_the_betas(pattern: str) -> None:
    found = {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        if re.search(pattern, path.read_text())
    }
    assert found <= KEPT[pattern] | {"models/diffusion.py"}


class Oracle(torch.nn.Module):
    """Knows the clean images, in the order in which they are asked for, and so the noise."""

    def __init__(self, clean: torch.Tensor, timesteps: int):
        super().__init__()
        self.clean = clean
        self.signal, self.noise = signal_and_noise(timesteps)
        self.asked: list[int] = []

    def forward(self, noised: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """The noise between the clean images and these."""
        t = int(timestep)
        if self.asked and t > self.asked[-1]:  # the next batch begins
            self.clean = self.clean[len(noised) :]
        self.asked.append(t)
        noise = (noised - self.signal[t] * self.clean[: len(noised)]) / self.noise[t]
        return SimpleNamespace(sample=noise)


@pytest.mark.parametrize(("timesteps", "steps"), [(1000, 20), (1000, 2), (100, 7), (50, 50)])
def test_sampler_draws_the_images_that_the_network_knows(timesteps: int, steps: int) -> None:
    """With the right noise predicted, DDIM ends at the clean image whatever the steps."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8, generator=generator)
    noise = torch.randn(4, 1, 8, 8, generator=generator)
    oracle = Oracle(from_uint8(images), timesteps)
    drawn = diffusion.sample(family_of(timesteps), oracle, noise, steps, batch_size=2)
    assert drawn.dtype == torch.uint8
    assert (drawn.int() - images.int()).abs().max() <= 1
    assert len(oracle.asked) == 2 * steps
    assert oracle.asked[:steps] == sorted(oracle.asked[:steps], reverse=True)
    assert oracle.asked[steps - 1] < timesteps / steps


class Guess(torch.nn.Module):
    """Some function of image and noise level."""

    def forward(self, noised: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """A guess at the noise."""
        return SimpleNamespace(sample=torch.tanh(noised) * (0.5 + int(timestep) / 200))


def test_sampler_takes_the_steps_of_ddim() -> None:
    """Song et al. 2020, eq. 12 without noise, the clean image guessed at each step clipped."""
    noise = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    signal, sd = signal_and_noise(100)
    current = noise
    for t, earlier in [(75, 50), (50, 25), (25, 0), (0, None)]:
        guess = Guess()(current, torch.tensor(t)).sample
        clean = ((current - sd[t] * guess) / signal[t]).clamp(-1, 1)
        current = clean if earlier is None else signal[earlier] * clean + sd[earlier] * guess
    expected = (current + 1) * 127.5
    drawn = diffusion.sample(family_of(100), Guess(), noise, steps=4, batch_size=3)
    assert (drawn.float() - expected).abs().max() < 0.6
    assert drawn.unique().numel() > 20


def test_noise_is_added_as_the_formula_says() -> None:
    signal, sd = signal_and_noise(1000)
    clean, noise = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    times = torch.tensor([0, 500, 999])
    noised = schedule(1000).add_noise(clean, noise, times)
    expected = signal[times].view(3, 1, 1, 1) * clean + sd[times].view(3, 1, 1, 1) * noise
    torch.testing.assert_close(noised, expected)


@pytest.mark.parametrize(
    "timesteps",
    [
        1000,
        100,
    ],
)
def test_nothing_is_left_of_the_image_at_the_last_noise_level(timesteps: int) -> None:
    """Sampling starts from pure noise: training must have seen it."""
    clean = torch.ones(1, 1, 2, 2)
    last = schedule(timesteps).add_noise(
        clean, torch.zeros_like(clean), torch.tensor([timesteps - 1])
    )
    assert last.max() < 0.05


def test_weights_come_from_the_seed_alone() -> None:
    family = families.build(Pixel.Options(family="pixel", channels=[8, 16], norm_groups=4), 8, 1)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first, again, other = (family.build(family.structure, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    pairs = zip(first.parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_architecture_is_plain_values_and_follows_the_settings() -> None:
    model = Pixel.Options(
        family="pixel",
        channels=[8, 16, 24],
        attention=[False, True, False],
        norm_groups=4,
        head_dim=4,
    )
    family = families.build(model, 16, 3)
    arguments = family.structure.architecture
    assert json.loads(json.dumps(arguments)) == arguments
    network = family.build(family.structure, 0)
    assert [len(getattr(block, "attentions", [])) > 0 for block in network.down_blocks] == [
        False,
        True,
        False,
    ]
    # The up path runs the other way round.
    assert [len(getattr(block, "attentions", [])) > 0 for block in network.up_blocks] == [
        False,
        True,
        False,
    ]
    images = torch.randn(2, 3, 16, 16)
    assert predict(network, images, torch.tensor([0, 5])).shape == images.shape


def test_up_path_mirrors_the_down_path() -> None:
    model = Pixel.Options(
        family="pixel",
        channels=[8, 16, 24],
        attention=[True, False, False],
        norm_groups=4,
        head_dim=4,
    )
    network = untrained(model, side=16).network
    attends = [len(getattr(block, "attentions", [])) > 0 for block in network.up_blocks]
    assert attends == [False, False, True]


def test_noise_level_changes_the_prediction(network: Trained) -> None:
    image = torch.randn(1, 1, 8, 8)
    low, high = (predict(network.network, image, torch.tensor([t])) for t in (0, 49))
    assert not torch.allclose(low, high)
