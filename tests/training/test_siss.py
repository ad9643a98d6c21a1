"""Subtracted Importance Sampled Scores: weights, losses and what is subtracted, by definition."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffcredit.training.batches import Batch
from diffcredit.training.objectives import siss
from diffcredit.training.objectives.objective import Products
from diffcredit.training.objectives.siss import NEGLIGIBLE, Siss, importance_weights, log_ratio, mix
from diffcredit.training.objectives.siss_bernoulli import SissBernoulli
from diffcredit.training.objectives.siss_two_pass import SissTwoPass

MIXTURES = [0.0, 0.1, 0.5, 0.9, 1.0]


class Losses:
    """Adds up the two losses instead of their gradients."""

    of_retained = of_removed = torch.zeros(())

    def retained(self, loss: torch.Tensor, keep_graph: bool = False) -> None:
        """Add to the loss of x."""
        self.of_retained = self.of_retained + loss

    def removed(self, loss: torch.Tensor) -> None:
        """Add to the loss of a."""
        self.of_removed = self.of_removed + loss


def noised(clean: torch.Tensor, seed: int, lowest: float = 0.05, highest: float = 0.6) -> Batch:
    """With so much signal; more of it than of noise would tell all images apart."""
    generator = torch.Generator().manual_seed(seed)
    signal = lowest + (highest - lowest) * torch.rand(len(clean), 1, 1, 1, generator=generator)
    spread = (1 - signal**2).sqrt()
    noise = torch.randn(clean.shape, generator=generator)
    mixed = signal * clean + spread * noise
    return Batch(clean, noise, mixed, torch.arange(len(clean)), signal, spread)


def pair(images: int, seed: int, **levels: float) -> tuple[Batch, Batch]:
    """Small images, retained and removed."""
    generator = torch.Generator().manual_seed(1000 + seed)
    x, a = 2 * torch.rand(2, images, 1, 2, 2, generator=generator) - 1
    return noised(x, seed, **levels), noised(a, seed + 500, **levels)


def coins(images: int, seed: int) -> Callable[..., torch.Tensor]:
    generator = torch.Generator().manual_seed(2000 + seed)
    return lambda *shape: torch.rand(images, *shape, generator=generator)


def losses(objective: Siss | SissTwoPass | SissBernoulli, *given: object) -> tuple[float, float]:
    found = Losses()
    objective.backward_apart(lambda batch: 0.3 * batch.noised, *given, found)
    return found.of_retained.item(), found.of_removed.item()


def densities(noised: torch.Tensor, batch: Batch, clean: torch.Tensor) -> np.ndarray:
    """(b,) q(m | clean) in float64, without its constant factors."""
    error = (noised - batch.alpha * clean).double() / batch.sigma.double()
    return np.exp(-error.square().flatten(1).sum(1).numpy() / 2)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_weights_are_their_definition(mixture: float) -> None:
    retained, removed = pair(200, seed=0)
    mixed = mix(retained, removed, coins(200, 1)() < mixture)
    of_x, of_a = (densities(mixed.batch.noised, retained, b.clean) for b in (retained, removed))
    below = (1 - mixture) * of_x + mixture * of_a
    found = importance_weights(log_ratio(mixed), mixture)
    np.testing.assert_allclose(found[0], of_x / below, rtol=2e-5)
    np.testing.assert_allclose(found[1], of_a / below, rtol=2e-5)


def test_weights_are_stable_where_exponentials_overflow() -> None:
    ratio = torch.tensor([-1e8, -1e4, -800.0, 0.0, 800.0, 1e4, 1e8], dtype=torch.float64)
    of_x, of_a = importance_weights(ratio, 0.25)
    assert of_x.tolist() == pytest.approx([4 / 3, 4 / 3, 4 / 3, 1, 0, 0, 0])
    assert of_a.tolist() == pytest.approx([0, 0, 0, 1, 4, 4, 4])
    for mixture in (0.0, 1.0):
        kept = importance_weights(ratio if mixture else -ratio, mixture)[round(mixture)]
        assert kept.tolist() == [1] * 7  # all noised images are its own


def test_weights_that_are_rounding_are_0() -> None:
    """Their gradients change nothing, and cost a backward pass."""
    ratio = torch.tensor([-30.0, -15.0], dtype=torch.float64)
    of_a = importance_weights(ratio, 0.5)[1]
    assert of_a[0] == 0
    assert of_a[1].item() == pytest.approx(2 * math.exp(-15), rel=1e-5)
    assert 2 * math.exp(-30) < NEGLIGIBLE < of_a[1]


def test_images_that_count_once_are_passed_once_and_the_losses_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At little noise m is of x or of a for certain: together or apart, the losses are the same."""
    retained, removed = pair(200, seed=4, lowest=0.1, highest=0.9999)
    passed: list[Batch] = []

    def predict(batch: Batch) -> torch.Tensor:
        passed.append(batch)
        return 0.3 * batch.noised

    found = {}
    for worthwhile in (0.0, 1.0):
        monkeypatch.setattr(siss, "WORTHWHILE", worthwhile)
        summed = Losses()
        Siss().backward_apart(predict, retained, removed, coins(200, 5), summed)
        found[worthwhile] = summed.of_retained.item(), summed.of_removed.item()
    assert [len(batch.clean) for batch in passed[-1:]] == [200]
    assert len(passed) == 4
    assert sum(len(batch.clean) for batch in passed[:3]) == 200
    assert found[0.0] == pytest.approx(found[1.0], rel=1e-6)


def test_coins_may_leave_nothing_to_one_loss() -> None:
    retained, removed = pair(8, seed=9)
    found = losses(SissBernoulli(), retained, removed, lambda: torch.full((8,), 0.9))
    assert found[0] > 0
    assert found[1] == 0


def test_noises_make_the_mixture_of_either_image() -> None:
    """Also at the least noise of the schedule, where they are hundreds."""
    for lowest, highest in ((0.05, 0.6), (0.9999, 0.99995)):
        retained, removed = pair(50, seed=2, lowest=lowest, highest=highest)
        mixed = mix(retained, removed, coins(50, 3)() < 0.5)
        moved = (mixed.batch.clean == removed.clean).flatten(1).all(1)
        assert 10 < moved.sum() < 40
        for batch, noise in ((retained, mixed.noise_retained), (removed, mixed.noise_removed)):
            again = retained.alpha * batch.clean + retained.sigma * noise
            torch.testing.assert_close(again, mixed.batch.noised)
        weights = importance_weights(log_ratio(mixed), 0.5)
        assert all(torch.isfinite(weight).all() for weight in weights)


@pytest.mark.parametrize("objective", [Siss(mixture=0.5), Siss(mixture=0.2), SissBernoulli()])
def test_weights_are_one_and_losses_those_of_both_images_on_average(
    objective: Siss | SissBernoulli,
) -> None:
    """Over 100,000 noised images; within 4 standard errors of the difference."""
    weights, estimates = [], []
    for seed in range(100):
        retained, removed = pair(1000, seed)
        mixed = mix(retained, removed, coins(1000, seed)() < objective.options.mixture)
        found = importance_weights(log_ratio(mixed), objective.options.mixture)
        weights.append([weight.mean().item() for weight in found])
        there = losses(objective, retained, removed, coins(1000, seed))
        same = Batch(
            removed.clean,
            retained.noise,
            retained.alpha * removed.clean + retained.sigma * retained.noise,
            retained.timesteps,
            retained.alpha,
            retained.sigma,
        )
        apart = losses(SissTwoPass(), retained, same, coins(1000, seed))
        estimates.append(np.subtract(there, apart))
    for found, expected in ((np.array(weights), 1), (np.array(estimates), 0)):
        error = found.std(0, ddof=1) / math.sqrt(len(found))
        assert (np.abs(found.mean(0) - expected) < 4 * error).all()
        assert (error < 0.02).all()


def test_ends_of_the_mixture_are_the_losses_of_one_image() -> None:
    """To the bit for the one; the other is weighted."""
    retained, removed = pair(64, seed=4)
    denoise = torch.nn.functional.mse_loss(0.3 * retained.noised, retained.noise).item()
    of_x, of_a = losses(Siss(mixture=0.0), retained, removed, coins(64, 5))
    assert of_x == pytest.approx(denoise, rel=1e-6)
    assert of_a != pytest.approx(denoise, rel=1e-2)
    there = retained.alpha * removed.clean + retained.sigma * retained.noise
    of_x, of_a = losses(Siss(mixture=1.0), retained, removed, coins(64, 5))
    ascent = torch.nn.functional.mse_loss(0.3 * there, retained.noise).item()
    assert of_a == pytest.approx(ascent, rel=1e-6)
    assert of_x != pytest.approx(ascent, rel=1e-2)


def test_network_sees_a_batch_once_and_in_two_passes_twice() -> None:
    retained, removed = pair(8, seed=6)
    for objective, expected in ((Siss(), [8]), (SissBernoulli(), None), (SissTwoPass(), [8, 8])):
        asked: list[int] = []

        def predict(batch: Batch, asked: list[int] = asked) -> torch.Tensor:
            asked.append(len(batch.noised))
            return batch.noised

        objective.backward_apart(predict, retained, removed, coins(8, 0), Losses())
        assert asked == expected or (expected is None and sum(asked) == 8)


@pytest.mark.parametrize("norm", [1e-12, 0.3, 1e5])
def test_what_is_subtracted_has_the_scaling_norm(norm: float) -> None:
    factor = SissTwoPass(scaling_norm=0.7).factor(Products(mixed=5.0, removed=norm**2))
    assert -factor * norm == pytest.approx(0.7)


def test_nothing_is_subtracted_where_the_gradient_has_no_direction() -> None:
    assert Siss(scaling_norm=0.7).factor(Products(mixed=0.0, removed=0.0)) == 0


def test_auto_is_a_tenth_of_the_norm_at_the_start_and_is_measured_only_then() -> None:
    def never() -> float:
        raise AssertionError

    found = Siss(mixture=0.3).measured(lambda: 5.0)
    assert found.options == Siss(scaling_norm=0.5, mixture=0.3).options
    found = Siss(scaling_norm=2.0).measured(never)
    assert found.options == Siss(scaling_norm=2.0).options


def test_more_of_the_mixture_is_of_removed_images() -> None:
    retained, removed = pair(400, seed=7)
    counts = []
    for mixture in MIXTURES:
        mixed = mix(retained, removed, coins(400, 8)() < mixture)
        counts.append(int((mixed.batch.clean == removed.clean).flatten(1).all(1).sum()))
    assert counts[0] == 0
    assert counts[-1] == 400
    assert all(first < second for first, second in pairwise(counts))
