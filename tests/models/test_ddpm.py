"""The U-Net, its noise schedule, and the sampler against a network that knows the answer."""

import json
import re
from types import SimpleNamespace

import pytest
import torch

from diffcredit.behaviors.likelihood import noise_levels
from diffcredit.code import LIBRARY
from diffcredit.config import Model
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pixels import from_uint8


def signal_and_noise(timesteps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the linear schedule of DDPM, betas from 1e-4 to 0.02 for 1,000 levels."""
    scale = 1000 / timesteps
    ends = (1e-4 * scale, min(0.02 * scale, 0.999))
    kept = torch.cumprod(1 - torch.linspace(*ends, timesteps, dtype=torch.float64), 0)
    return kept.sqrt().float(), (1 - kept).sqrt().float()


@pytest.mark.parametrize("timesteps", [1000, 400, 100, 50, 30])
def test_everything_has_the_same_noise_schedule(timesteps: int) -> None:
    """Training, gradients, pruning and losses; both samplers; the likelihood's ODE."""
    signal, noise = signal_and_noise(timesteps)
    for schedule in (
        ddpm.noise_schedule(timesteps),
        ddpm.ddim_schedule(timesteps, 5),
        ddpm.ancestral_schedule(timesteps, 5),
    ):
        torch.testing.assert_close(schedule.alphas_cumprod.sqrt(), signal, rtol=1e-4, atol=1e-6)
    levels = torch.from_numpy(noise_levels(timesteps)).float()
    torch.testing.assert_close(levels, (noise / signal).log(), rtol=1e-3, atol=1e-3)


def test_noise_schedules_are_made_in_one_place() -> None:
    makers = {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        if re.search(r"D[A-Z]+Scheduler\(|betas\(", path.read_text())
    }
    # pretrained compares those of a published model with ours.
    assert makers == {"models/ddpm.py", "config/noise_schedule.py", "config/pretrained.py"}


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
    drawn = ddpm.sample(oracle, noise, timesteps, steps, batch_size=2)
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
    drawn = ddpm.sample(Guess(), noise, timesteps=100, steps=4, batch_size=3)
    assert (drawn.float() - expected).abs().max() < 0.6
    assert drawn.unique().numel() > 20


def test_noise_is_added_as_the_formula_says() -> None:
    signal, sd = signal_and_noise(1000)
    clean, noise = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    times = torch.tensor([0, 500, 999])
    noised = ddpm.noise_schedule(1000).add_noise(clean, noise, times)
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
    schedule = ddpm.noise_schedule(timesteps)
    clean = torch.ones(1, 1, 2, 2)
    last = schedule.add_noise(clean, torch.zeros_like(clean), torch.tensor([timesteps - 1]))
    assert last.max() < 0.05


def test_weights_come_from_the_seed_alone() -> None:
    arguments = ddpm.architecture(Model(channels=[8, 16], norm_groups=4), 8, 1)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first, again, other = (ddpm.build(arguments, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    pairs = zip(first.parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_architecture_is_plain_values_and_follows_the_settings() -> None:
    model = Model(channels=[8, 16, 24], attention=[False, True, False], norm_groups=4, head_dim=4)
    arguments = ddpm.architecture(model, 16, 3)
    assert json.loads(json.dumps(arguments)) == arguments
    network = ddpm.build(arguments, 0)
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
    assert ddpm.predict(network, images, torch.tensor([0, 5])).shape == images.shape


def test_up_path_mirrors_the_down_path() -> None:
    model = Model(channels=[8, 16, 24], attention=[True, False, False], norm_groups=4, head_dim=4)
    network = ddpm.build(ddpm.architecture(model, 16, 1), 0)
    attends = [len(getattr(block, "attentions", [])) > 0 for block in network.up_blocks]
    assert attends == [False, False, True]


def test_noise_level_changes_the_prediction(network: Trained) -> None:
    image = torch.randn(1, 1, 8, 8)
    low, high = (ddpm.predict(network.network, image, torch.tensor([t])) for t in (0, 49))
    assert not torch.allclose(low, high)
