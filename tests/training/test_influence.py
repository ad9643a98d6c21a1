"""WoodFisher against the explicit inverse, and the step against its formula."""

import logging

import pytest
import torch
from trainings import Plan, drawing, predict, solve

from diffcredit.config import Ema, Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.influence import Influence, woodfisher
from diffcredit.training.recipe import Outcome

PLAN = Plan("influence", {"name": "influence"}, 1, 0.0, seed=7)


def flat(tensors) -> torch.Tensor:  # type: ignore[no-untyped-def]
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


@pytest.fixture(scope="module")
def gradients() -> torch.Tensor:
    """(8, 50) gradients of a network of 50 parameters, on 8 batches."""
    generator = torch.Generator().manual_seed(0)
    inputs, outputs = (torch.randn(8, 4, n, generator=generator) for n in (5, 2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2)]
    network = torch.nn.Sequential(*layers)
    parameters = list(network.parameters())
    losses = [(network(x) - y).square().mean() for x, y in zip(inputs, outputs, strict=True)]
    found = torch.stack([flat(torch.autograd.grad(loss, parameters)) for loss in losses])
    assert found.shape == (8, 50)
    return found


@pytest.mark.parametrize("damping", [1e-3, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_woodfisher_is_the_explicit_inverse(
    gradients: torch.Tensor, damping: float, count: int
) -> None:
    given = gradients[:count].double()
    fisher = damping * torch.eye(50, dtype=torch.float64)
    fisher += sum(torch.outer(g, g) for g in given) / count
    vectors = [given[0], torch.randn(50, generator=torch.Generator().manual_seed(1)).double()]
    for vector in vectors:  # within what the gradients span, and not
        expected = torch.linalg.inv(fisher) @ vector
        torch.testing.assert_close(woodfisher(given, vector, damping), expected)
        single = woodfisher(given.float(), vector.float(), damping)
        torch.testing.assert_close(single.double(), expected, rtol=1e-3, atol=1e-5 / damping)


def test_woodfisher_is_the_recursion_of_rank_one_updates(gradients: torch.Tensor) -> None:
    """Sherman and Morrison, one gradient after the other."""
    given, damping = gradients.double(), 0.2
    inverse = torch.eye(50, dtype=torch.float64) / damping
    for gradient in given:
        ahead = inverse @ gradient
        inverse -= torch.outer(ahead, ahead) / (len(given) + gradient @ ahead)
    vector = torch.ones(50, dtype=torch.float64)
    torch.testing.assert_close(woodfisher(given, vector, damping), inverse @ vector)


def test_memory_is_linear_in_the_parameters() -> None:
    """The matrix itself would take 16 terabytes."""
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(4, 2_000_000, generator=generator) / 1000
    vector = torch.randn(2_000_000, generator=generator)
    found = woodfisher(given, vector, 0.5)
    torch.testing.assert_close(
        0.5 * found + given.T @ (given @ found) / 4, vector, atol=1e-4, rtol=0
    )


def test_change_is_the_formula_with_sums_over_images() -> None:
    """One image a batch: (1/n) sum_removed g - (n_f / (n n_r)) sum_retained g."""
    generator = torch.Generator().manual_seed(0)
    retained = torch.randn(6, 10, generator=generator)
    removed = torch.randn(6, 10, generator=generator)
    kept, gone = 6, 6
    found = Influence(ratio=0.5, batches=6, damping=2.0).change(retained, removed, kept, gone)
    both = kept + gone
    vector = removed.sum(0) / both - gone / (both * kept) * retained.sum(0)
    torch.testing.assert_close(found, 0.5 * woodfisher(retained, vector, 2.0))
    fewer = Influence(ratio=0.5, batches=6, damping=2.0).change(retained, removed, 18, 6)
    torch.testing.assert_close(fewer, found / 2)  # a quarter of the images, not half


def run(
    start: Trained,
    images: torch.Tensor,
    settings: Training,
    objective: Influence,
    plan: Plan = PLAN,
) -> Outcome:
    accelerator = make_accelerator(settings, "cpu")
    return solve(start, objective, images[:12], images[12:], plan, settings, accelerator)


def moved(outcome: Outcome, start: Trained) -> torch.Tensor:
    return flat(outcome.trained.network.parameters()) - flat(start.network.parameters())


@pytest.mark.parametrize("parts", [1, 2])
def test_parameters_move_by_the_change_of_the_drawn_batches(
    start: Trained, images: torch.Tensor, parts: int
) -> None:
    settings = Training(batch_size=8, gradient_accumulation=parts)
    objective = Influence(ratio=0.5, batches=3, damping=0.1)
    before = {name: weight.clone() for name, weight in start.network.state_dict().items()}
    outcome = run(start, images, settings, objective)
    whole = Training(batch_size=8)
    draw = drawing(images[:12], images[12:], 7, whole, make_accelerator(whole, "cpu"))
    network = start.copy().network
    found = {}
    for role in ("retained", "removed"):
        rows = []
        for step in range(3):
            (batch,) = draw.of(role, step)
            loss = (predict(network, batch.noised, batch.timesteps) - batch.noise) ** 2
            rows.append(flat(torch.autograd.grad(loss.mean(), list(network.parameters()))))
        found[role] = torch.stack(rows)
    expected = objective.change(found["retained"], found["removed"], 12, 8)
    torch.testing.assert_close(moved(outcome, start), expected, rtol=1e-3, atol=1e-5)
    assert all(torch.equal(start.network.state_dict()[n], w) for n, w in before.items())
    assert outcome.loss is None
    assert outcome.seconds > 0
    assert not outcome.trained.network.training
    assert outcome.trained.structure == start.structure


@pytest.mark.parametrize("before", [0, 1, 10, 400, 20_000, None])
@pytest.mark.parametrize("continued", [False, True])
def test_average_of_the_step_is_updated_once(
    start: Trained,
    images: torch.Tensor,
    before: int | None,
    continued: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anew it is the step; from k steps on 1 - (1 + k)^-0.75 of the start, as published."""
    objective, plain = Influence(ratio=0.5, batches=2, damping=0.1), Training(batch_size=8)
    whole = moved(run(start, images, plain, objective), start)
    settings = Training(batch_size=8, ema=Ema(continued=continued))
    known = Trained(start.network, start.family, start.structure, averaged=before)
    if continued and before is None:
        with pytest.raises(UserError, match=r"training\.ema\.continued = true"):
            run(known, images, settings, objective)
        return
    with caplog.at_level(logging.WARNING, logger="diffcredit"):
        outcome = run(known, images, settings, objective)
    share = (1 + before) ** -0.75 if continued and before is not None else 1.0
    torch.testing.assert_close(moved(outcome, start), share * whole, rtol=1e-4, atol=1e-6)
    assert outcome.trained.averaged == (before + 1 if continued and before is not None else before)
    assert ("hardly changed" in caplog.text) == (share < 0.5)


def test_step_raises_the_loss_of_the_removed_above_that_of_the_retained(
    start: Trained, images: torch.Tensor, settings: Training
) -> None:
    draw = drawing(images[:12], images[12:], 3, settings, make_accelerator(settings, "cpu"))

    def gap(trained: Trained) -> float:
        total = 0.0
        with torch.inference_mode():
            for step in range(20):
                for role, sign in (("removed", 1), ("retained", -1)):
                    (batch,) = draw.of(role, step)
                    predicted = predict(trained.network, batch.noised, batch.timesteps)
                    total += sign * (predicted - batch.noise).square().mean().item()
        return total

    gaps = [
        gap(run(start, images, settings, Influence(ratio=r, batches=8, damping=1.0)).trained)
        for r in (0.1, 0.5)
    ]
    assert gap(start) < gaps[0] < gaps[1]


def test_step_is_proportional_to_the_ratio(
    start: Trained, images: torch.Tensor, settings: Training
) -> None:
    half, whole = (
        moved(run(start, images, settings, Influence(ratio=ratio, batches=2, damping=1.0)), start)
        for ratio in (0.5, 1)
    )
    torch.testing.assert_close(2 * half, whole, rtol=1e-3, atol=1e-6)


def test_step_repeats_to_the_bit_and_depends_on_the_seed(
    start: Trained, images: torch.Tensor, settings: Training
) -> None:
    other = Plan("influence", {"name": "influence"}, 1, 0.0, seed=8)
    found = [
        moved(
            run(start, images, settings, Influence(ratio=0.5, batches=2, damping=1.0), plan), start
        )
        for plan in (PLAN, PLAN, other)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_step_that_is_not_finite_is_told(
    start: Trained, images: torch.Tensor, settings: Training
) -> None:
    with pytest.raises(UserError, match="influence: the step is not finite"):
        run(start, images, settings, Influence(ratio=0.5, batches=2, damping=1e-300))


def test_missing_images_are_told(start: Trained, images: torch.Tensor, settings: Training) -> None:
    accelerator = make_accelerator(settings, "cpu")
    objective = Influence(ratio=0.5, batches=2, damping=1.0)
    for kept, gone, told in [
        (images[:0], images, "influence: no images are retained"),
        (images, images[:0], "influence: objective influence needs removed images"),
    ]:
        with pytest.raises(UserError, match=told):
            solve(start, objective, kept, gone, PLAN, settings, accelerator)
