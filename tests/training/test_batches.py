"""Each image once before any again; timesteps in antithetic pairs."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from diffcredit.training.batches import antithetic_timesteps, image_indices


@pytest.mark.parametrize(("images", "batch_size"), [(10, 4), (12, 4), (7, 7), (10, 25), (1, 8)])
def test_every_image_is_seen_once_before_any_is_seen_again(images: int, batch_size: int) -> None:
    steps = 5 * images
    seen = np.concatenate([image_indices(images, batch_size, 3, step) for step in range(steps)])
    assert len(seen) == steps * batch_size
    for epoch in seen.reshape(-1, images):  # 5 * batch_size epochs
        assert sorted(epoch) == list(range(images))


def test_epochs_have_orders_of_their_own() -> None:
    first, second = (image_indices(50, 50, 3, step) for step in (0, 1))
    assert (first != second).mean() > 0.8


def test_step_depends_on_seed_and_number_alone() -> None:
    later = image_indices(30, 8, 3, 100)
    for step in range(5):
        image_indices(30, 8, 3, step)
    np.testing.assert_array_equal(image_indices(30, 8, 3, 100), later)
    assert (image_indices(30, 8, 4, 100) != later).any()


@pytest.mark.parametrize("batch_size", [2, 64])
def test_timesteps_come_in_pairs_around_the_middle(batch_size: int) -> None:
    times = antithetic_timesteps(batch_size, 100, torch.Generator().manual_seed(0))
    assert times.shape == (batch_size,)
    half = batch_size // 2
    assert (times[:half] + times[half:] == 99).all()


@pytest.mark.parametrize("timesteps", [9, 10])
def test_each_timestep_is_equally_likely(timesteps: int) -> None:
    """Only half of the draws are independent of each other."""
    times = antithetic_timesteps(40_000, timesteps, torch.Generator().manual_seed(0))
    for half in times.chunk(2):
        counts = torch.bincount(half, minlength=timesteps)
        assert len(counts) == timesteps
        expected = 20_000 / timesteps
        statistic = ((counts - expected) ** 2 / expected).sum().item()
        assert statistic < chi2.ppf(0.999, timesteps - 1)
