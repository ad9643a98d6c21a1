"""Gradient ascent climbs the loss of the removed images."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from trainings import Plan, train

from diffcredit.config import Training
from diffcredit.models.checkpoints import Trained
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.gradient_ascent import GradientAscent


def test_gradient_is_minus_that_of_the_removed_loss(helpers: SimpleNamespace) -> None:
    generator = torch.Generator().manual_seed(0)
    kept, gone = (helpers.batch(*torch.randn(3, 6, 1, 4, 4, generator=generator)) for _ in range(2))
    weight = torch.tensor(0.7, requires_grad=True)
    loss = GradientAscent().backward(
        lambda batch: weight * batch.noised, kept, gone, lambda value: value.backward()
    )
    error = 0.7 * gone.noised - gone.noise
    assert loss.item() == pytest.approx(-error.square().mean().item())
    torch.testing.assert_close(weight.grad, -2 * (error * gone.noised).mean())
    assert not loss.requires_grad
    assert GradientAscent().uses_removed


@pytest.mark.parametrize(
    ("removed", "batch_size", "ga_ratio", "steps"),
    [
        (640, 64, 1, 10),
        (641, 64, 1, 11),
        (640, 64, 4, 2),
        (700, 64, 4, 2),
        (192, 64, 3, 1),
        (192, 64, 2, 1),
        (1, 64, 1, 1),
        (10, 64, 100, 0),
        (5000, 128, 2.0, 20),
        (640, 64, 0.5, 20),
    ],
)
def test_steps_are_the_batches_of_one_pass_divided_by_the_ratio_and_rounded_down(
    removed: int, batch_size: int, ga_ratio: float, steps: int
) -> None:
    assert GradientAscent(ga_ratio=ga_ratio).steps(removed, batch_size) == steps


def test_weight_is_the_superfactor_and_decays_from_step_to_step() -> None:
    objective = GradientAscent(superfactor=3.0, superfactor_decay=0.5)
    assert [objective.weight(step) for step in range(4)] == [3, 1.5, 0.75, 0.375]
    assert [GradientAscent().weight(step) for step in (0, 7)] == [1, 1]


def test_removed_loss_rises_more_than_that_of_the_retained(
    learned: Trained,
    images: torch.Tensor,
    settings: Training,
    rises: Callable[[Trained, Trained], dict[str, float]],
) -> None:
    accelerator = make_accelerator(settings, "cpu")
    kept, gone = images[:10], images[10:]
    forgetting = Plan("ga", {"name": "gradient_ascent"}, 8, 1e-3, seed=2)
    outcome = train(learned, GradientAscent(), kept, gone, forgetting, settings, accelerator)
    found = rises(learned, outcome.trained)
    assert found["removed"] > 0.02
    assert found["removed"] > found["retained"]
    assert outcome.loss < 0
