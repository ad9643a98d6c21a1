"""The training loop: what a step is, where it continues, and how it fails."""

import dataclasses
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from trainings import Plan, train

from diffcredit import time_limit
from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained
from diffcredit.training.loop import Objective, make_accelerator
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.recipe import Checkpoint, Outcome
from diffcredit.training.schedules.cosine import CosineSchedule


@pytest.fixture(scope="session")
def run(
    start: Trained, images: torch.Tensor, plan: Plan, settings: Training
) -> Callable[..., Outcome]:
    """Train with anything changed by name."""

    def run_(
        objective: Objective | None = None,
        checkpoint: Checkpoint | None = None,
        retained: torch.Tensor | None = None,
        training: Training | None = None,
        begin: Trained | None = None,
        **changes: object,
    ) -> Outcome:
        given = training or settings
        return train(
            begin or start,
            objective or Denoise(),
            images if retained is None else retained,
            None,
            dataclasses.replace(plan, **changes),
            given,
            make_accelerator(given, "cpu"),
            checkpoint,
        )

    return run_


@pytest.fixture(scope="session")
def uninterrupted(run: Callable[..., Outcome]) -> Outcome:
    """The training with nothing changed."""
    return run()


@pytest.fixture(scope="session")
def saved(
    run: Callable[..., Outcome], tmp_path_factory: pytest.TempPathFactory, helpers: SimpleNamespace
) -> Path:
    """The checkpoint of step 6 that the training leaves when interrupted at step 7."""
    path = tmp_path_factory.mktemp("saved") / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(helpers.Watching(fail_at=7), Checkpoint(path, 3))
    return path


@pytest.fixture
def checkpoint(saved: Path, tmp_path: Path) -> Checkpoint:
    """A copy of the saved one."""
    return Checkpoint(Path(shutil.copy(saved, tmp_path)), 3)


def weights(outcome: Outcome | Trained) -> dict[str, torch.Tensor]:
    """The gradient of the bias of attention's keys is 0 but for rounding; Adam blows that up."""
    trained = outcome.trained if isinstance(outcome, Outcome) else outcome
    state = trained.network.state_dict()
    return {name: weight for name, weight in state.items() if "to_k.bias" not in name}


def same_bits(first: Outcome, second: Outcome) -> bool:
    a, b = (outcome.trained.network.state_dict() for outcome in (first, second))
    return all(torch.equal(a[name], b[name]) for name in a)


def largest_difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return max((first[name] - second[name]).abs().max().item() for name in first)


def test_training_is_adam_with_clipping_warm_up_cosine_and_moving_average(
    run: Callable[..., Outcome], helpers: SimpleNamespace, start: Trained, plan: Plan
) -> None:
    """Replayed plainly on the batches that the loop drew."""
    objective = helpers.Watching()
    outcome = run(objective, training=Training(batch_size=8, warmup_steps=3, gradient_clip=0.5))
    network = start.copy().network.train()
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters)
    average = [torch.zeros_like(p) for p in parameters]
    losses, clipped = [], 0
    for step, batch in enumerate(objective.batches):
        loss = ((network(batch.noised, batch.timesteps).sample - batch.noise) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        clipped += bool(torch.nn.utils.clip_grad_norm_(parameters, 0.5) > 0.5)
        warm = min(1, (step + 1) / 3)
        cosine = 0.5 * (1 + math.cos(math.pi * max(0, step - 3) / 7))
        optimizer.param_groups[0]["lr"] = plan.learning_rate * warm * cosine
        optimizer.step()
        decay = 1 - (1 + step) ** -0.75
        average = [
            decay * a + (1 - decay) * p.detach() for a, p in zip(average, parameters, strict=True)
        ]
        losses.append(loss.item())
    names = [name for name, _ in network.named_parameters()]
    expected = {n: a for n, a in zip(names, average, strict=True) if "to_k.bias" not in n}
    assert len(losses) == 10
    assert clipped > 3
    assert largest_difference(weights(outcome), expected) < 1e-5
    assert largest_difference(weights(outcome), weights(start)) > 1e-3
    assert outcome.loss == pytest.approx(losses[-1], rel=1e-4)


def test_batches_are_noised_images_each_once_an_epoch(
    run: Callable[..., Outcome], helpers: SimpleNamespace, images: torch.Tensor
) -> None:
    objective = helpers.Watching()
    run(objective)
    assert len(objective.batches) == 10
    kept = torch.cumprod(1 - torch.linspace(2e-3, 0.4, 50), 0)
    for batch in objective.batches:
        signal = kept[batch.timesteps].view(-1, 1, 1, 1)
        expected = signal.sqrt() * batch.clean + (1 - signal).sqrt() * batch.noise
        torch.testing.assert_close(batch.noised, expected)
        assert (batch.timesteps[:4] + batch.timesteps[4:] == 49).all()
    seen = torch.cat([batch.clean for batch in objective.batches])[:80]
    for epoch in seen.split(20):  # 20 images, 4 epochs
        assert torch.equal(epoch[epoch.mean((1, 2, 3)).argsort()], images / 127.5 - 1)
    noise = torch.cat([batch.noise for batch in objective.batches])
    assert noise.mean().item() == pytest.approx(0, abs=0.06)
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    assert len({batch.noise.sum().item() for batch in objective.batches}) == 10


def test_training_learns(run: Callable[..., Outcome]) -> None:
    first, last = run(steps=1).loss, run(steps=50).loss
    assert last < 0.8 * first


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    rates = [CosineSchedule().learning_rate(step, 20, 0.1, 4) for step in range(21)]
    assert rates[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert rates[4] == pytest.approx(0.1)
    assert rates[12] == pytest.approx(0.05)
    assert rates[20] == pytest.approx(0)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert CosineSchedule().learning_rate(0, 20, 0.1, 0) == pytest.approx(0.1)


def test_warm_up_longer_than_the_training_stays_finite(plan: Plan) -> None:
    given = (plan.steps, plan.learning_rate, 1000)
    rates = [CosineSchedule().learning_rate(step, *given) for step in range(plan.steps)]
    assert rates == sorted(rates)
    assert 0 < rates[-1] < plan.learning_rate


def test_start_is_left_alone(run: Callable[..., Outcome], start: Trained) -> None:
    before = {name: weight.clone() for name, weight in start.network.state_dict().items()}
    outcome = run()
    after = start.network.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert not start.network.training
    assert all(parameter.grad is None for parameter in start.network.parameters())
    assert outcome.trained.structure == start.structure
    assert not outcome.trained.network.training


def test_training_repeats_to_the_bit_and_depends_on_the_seed(
    run: Callable[..., Outcome], uninterrupted: Outcome
) -> None:
    assert same_bits(run(), uninterrupted)
    assert not same_bits(run(seed=8), uninterrupted)


def test_trainings_of_one_accelerator_do_not_see_each_other(
    start: Trained, images: torch.Tensor, plan: Plan
) -> None:
    settings = Training(batch_size=8, warmup_steps=3, gradient_accumulation=2)
    accelerator = make_accelerator(settings, "cpu")
    outcomes = [
        train(start, Denoise(), images, None, p, settings, accelerator)
        for p in (plan, dataclasses.replace(plan, seed=1, steps=3), plan)
    ]
    assert same_bits(outcomes[0], outcomes[2])
    assert not same_bits(outcomes[0], outcomes[1])


def test_each_training_begins_with_the_scale_of_half_precision(
    start: Trained, images: torch.Tensor, plan: Plan, settings: Training
) -> None:
    accelerator = make_accelerator(settings, "cpu")
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=3)
    ends = []
    for _ in range(2):
        train(start, Denoise(), images, None, plan, settings, accelerator)
        ends.append(accelerator.scaler.state_dict())
    assert ends[0] == ends[1]
    assert ends[0]["scale"] == 2.0 ** (16 + plan.steps // 3)


def test_interrupted_training_ends_with_the_same_bits(
    run: Callable[..., Outcome],
    helpers: SimpleNamespace,
    checkpoint: Checkpoint,
    uninterrupted: Outcome,
) -> None:
    rest = helpers.Watching()
    outcome = run(rest, checkpoint)
    assert len(rest.batches) == 4  # it did continue
    assert same_bits(outcome, uninterrupted)
    assert outcome.loss == uninterrupted.loss


def test_mean_loss_of_the_last_tenth_counts_steps_before_the_interruption(
    tmp_path: Path, run: Callable[..., Outcome], helpers: SimpleNamespace
) -> None:
    """The last tenth of 20 steps are 2, one before and one after."""
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", 19)
    with pytest.raises(KeyboardInterrupt):
        run(helpers.Watching(fail_at=19), checkpoint, steps=20)
    assert run(None, checkpoint, steps=20).loss == run(steps=20).loss


def test_training_interrupted_twice_ends_with_the_same_bits(
    run: Callable[..., Outcome],
    helpers: SimpleNamespace,
    checkpoint: Checkpoint,
    uninterrupted: Outcome,
) -> None:
    every_step = dataclasses.replace(checkpoint, every=1)
    with pytest.raises(KeyboardInterrupt):
        run(helpers.Watching(fail_at=2), every_step)
    rest = helpers.Watching()
    assert same_bits(run(rest, every_step), uninterrupted)
    assert len(rest.batches) == 2


def test_interrupted_training_with_gradient_accumulation_ends_with_the_same_bits(
    tmp_path: Path, run: Callable[..., Outcome], helpers: SimpleNamespace
) -> None:
    """Interrupted between the two parts of a step."""
    training = Training(batch_size=8, warmup_steps=3, gradient_accumulation=2)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", 3)
    with pytest.raises(KeyboardInterrupt):
        run(helpers.Watching(fail_at=9), checkpoint, training=training, steps=6)
    resumed = run(None, checkpoint, training=training, steps=6)
    assert same_bits(resumed, run(training=training, steps=6))


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-3},
        {"seed": 8},
        {"steps": 9},
        {"training": Training(batch_size=8, warmup_steps=2)},
        {"retained": torch.zeros(5, 1, 8, 8, dtype=torch.uint8)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_checkpoint_of_another_training_is_ignored(
    run: Callable[..., Outcome],
    helpers: SimpleNamespace,
    checkpoint: Checkpoint,
    change: dict[str, object],
) -> None:
    anew = helpers.Watching()
    run(anew, checkpoint, **change)
    assert len(anew.batches) == change.get("steps", 10)


def test_checkpoint_of_another_start_is_ignored(
    run: Callable[..., Outcome], helpers: SimpleNamespace, checkpoint: Checkpoint, start: Trained
) -> None:
    network = start.family.build(start.structure, 1)
    other = Trained(network, start.family, start.structure)
    anew = helpers.Watching()
    outcome = run(anew, checkpoint, begin=other)
    assert len(anew.batches) == 10
    assert same_bits(outcome, run(begin=other))


def test_truncated_checkpoint_is_told_by_name_and_begun_anew(
    run: Callable[..., Outcome],
    checkpoint: Checkpoint,
    uninterrupted: Outcome,
    caplog: pytest.LogCaptureFixture,
) -> None:
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:500])
    assert same_bits(run(None, checkpoint), uninterrupted)
    assert "checkpoint.safetensors cannot be read" in caplog.text


@pytest.mark.parametrize("parts", [2, 4])
def test_gradient_accumulation_gives_the_weights_of_one_part(
    run: Callable[..., Outcome], helpers: SimpleNamespace, uninterrupted: Outcome, parts: int
) -> None:
    objective = helpers.Watching()
    accumulated = run(
        objective, training=Training(batch_size=8, warmup_steps=3, gradient_accumulation=parts)
    )
    assert [len(batch.clean) for batch in objective.batches] == [8 // parts] * (10 * parts)
    assert largest_difference(weights(accumulated), weights(uninterrupted)) < 1e-5
    assert accumulated.loss == pytest.approx(uninterrupted.loss, rel=1e-4)


def test_mixed_precision_trains_weights_of_full_precision(
    run: Callable[..., Outcome], uninterrupted: Outcome
) -> None:
    mixed = run(training=Training(batch_size=8, warmup_steps=3, mixed_precision="bf16"))
    assert {p.dtype for p in mixed.trained.network.parameters()} == {torch.float32}
    assert mixed.loss == pytest.approx(uninterrupted.loss, rel=0.1)
    assert not same_bits(mixed, uninterrupted)
    image = torch.zeros(1, 1, 8, 8)
    assert mixed.trained.network(image, torch.tensor([3])).sample.dtype == torch.float32


def test_precision_that_the_device_does_not_have_is_told() -> None:
    with pytest.raises(UserError, match=r"training\.mixed_precision = 'fp16'"):
        make_accelerator(Training(mixed_precision="fp16"), "cpu")


def test_loss_that_is_not_finite_is_told_with_training_and_step(
    run: Callable[..., Outcome], helpers: SimpleNamespace
) -> None:
    with pytest.raises(UserError, match="the training: the loss is nan at step 4 of 10"):
        run(helpers.Watching(spoil_at=4))


def test_weights_that_are_not_finite_are_told(run: Callable[..., Outcome]) -> None:
    class Exploding(Denoise):
        def backward(self, predict, retained, removed, accumulate):  # type: ignore[no-untyped-def]
            return super().backward(
                predict, retained, removed, lambda loss: accumulate(loss * torch.inf)
            )

    with pytest.raises(UserError, match="the training"):
        run(Exploding())


def test_no_images_are_told(run: Callable[..., Outcome], images: torch.Tensor) -> None:
    with pytest.raises(UserError, match="the training: no images are retained"):
        run(retained=images[:0])


def test_objective_without_the_removed_images_that_it_needs_is_told(
    run: Callable[..., Outcome],
) -> None:
    class Ascent(Denoise):
        uses_removed = True

    with pytest.raises(UserError, match="the training: objective denoise needs removed images"):
        run(Ascent())


def test_removed_images_reach_the_objective_with_draws_of_their_own(
    start: Trained, images: torch.Tensor, plan: Plan, settings: Training
) -> None:
    seen = []

    class Both(Denoise):
        uses_removed = True

        def backward(self, predict, retained, removed, accumulate):  # type: ignore[no-untyped-def]
            seen.append((retained, removed))
            return super().backward(predict, retained, removed, accumulate)

    accelerator = make_accelerator(settings, "cpu")
    train(start, Both(), images[:15], images[15:], plan, settings, accelerator)
    levels = images.float().mean((1, 2, 3)) / 127.5 - 1
    for retained, removed in seen:
        assert retained.clean.mean((1, 2, 3)).max() < levels[15]
        assert removed.clean.mean((1, 2, 3)).min() > levels[14]
        assert not torch.equal(retained.noise, removed.noise)
        assert retained.clean.shape == removed.clean.shape


def test_no_steps_give_the_start(run: Callable[..., Outcome], start: Trained) -> None:
    outcome = run(steps=0)
    assert largest_difference(weights(outcome), weights(start)) == 0
    assert outcome.loss is None


def test_training_that_stops_before_its_time_is_over_goes_on_to_the_same_bits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Trained,
    images: torch.Tensor,
    settings: Training,
) -> None:
    """Each try makes one step; no checkpoint is due before the end."""
    plan = Plan("test", {"name": "denoise"}, 4, 1e-3, seed=3)
    accelerator = make_accelerator(settings, "cpu")

    def trained(checkpoint: Checkpoint | None) -> dict[str, torch.Tensor]:
        given = (start, Denoise(), images, None, plan, settings, accelerator, checkpoint)
        return train(*given).trained.network.state_dict()

    expected = trained(None)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", every=1000)
    with monkeypatch.context() as cluster:
        cluster.setattr(time_limit, "is_near", lambda: True)
        for _ in range(plan.steps):
            with pytest.raises(time_limit.TimeIsUp):
                trained(checkpoint)
    found = trained(checkpoint)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
