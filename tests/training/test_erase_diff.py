"""EraseDiff's losses, and the factor that makes the removed loss fall."""

from types import SimpleNamespace

import pytest
import torch

from diffcredit.training.batches import Batch
from diffcredit.training.objectives.erase_diff import EraseDiff
from diffcredit.training.objectives.objective import Products


def test_removed_images_are_to_show_uniform_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    kept, gone = (
        Batch(
            *torch.randn(3, 6, 1, 4, 4, generator=generator),
            torch.arange(6),
            *torch.rand(2, 6, 1, 1, 1, generator=generator),
        )
        for _ in range(2)
    )
    target = torch.rand(6, 1, 4, 4, generator=generator)
    found = {}
    gradients = SimpleNamespace(
        retained=lambda loss: found.update(retained=loss),
        removed=lambda loss: found.update(removed=loss),
    )
    shapes = []

    def uniform(*shape: int) -> torch.Tensor:
        shapes.append(shape)
        return target

    loss = EraseDiff(eta=0.1).backward_apart(
        lambda batch: 0.7 * batch.noised, kept, gone, uniform, gradients
    )
    assert shapes == [(1, 4, 4)]
    assert loss.item() == pytest.approx((0.7 * kept.noised - kept.noise).square().mean().item())
    assert found["retained"].item() == loss.item()
    noised = kept.alpha * gone.clean + kept.sigma * kept.noise
    expected = (0.7 * noised - target).square().mean().item()
    assert found["removed"].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("mixed", "removed", "factor"),
    [
        (0.0, 4.0, 0.1),
        (-8.0, 4.0, 2.1),  # they oppose each other
        (0.4, 4.0, 0.0),
        (8.0, 4.0, 0.0),  # the retained loss alone erases enough
        (0.2, 4.0, 0.05),
        (0.0, 0.0, 0.0),
    ],
)
def test_factor_is_what_the_step_lacks(mixed: float, removed: float, factor: float) -> None:
    found = EraseDiff(eta=0.1).factor(Products(mixed=mixed, removed=removed))
    assert found == pytest.approx(factor)
    if removed:  # <step, G_a> >= eta ||G_a||^2
        assert mixed + found * removed >= 0.1 * removed - 1e-12
