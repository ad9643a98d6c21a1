"""The gradient of a step, of one loss and of two, in any number of parts."""

import copy
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from trainings import Plan, drawing, predict, train

from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained
from diffcredit.training import gradients
from diffcredit.training.batches import Drawing
from diffcredit.training.gradients import _Apart, naive_deletion_norm, of_step
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.objectives.erase_diff import EraseDiff
from diffcredit.training.objectives.gradient_ascent import GradientAscent
from diffcredit.training.objectives.objective import Products
from diffcredit.training.objectives.siss import Siss
from diffcredit.training.objectives.siss_bernoulli import SissBernoulli
from diffcredit.training.objectives.siss_two_pass import SissTwoPass
from diffcredit.training.recipe import Checkpoint, Outcome

TWO_SIDED = {
    "siss": Siss(scaling_norm=0.05),
    "siss_two_pass": SissTwoPass(scaling_norm=0.05),
    "siss_bernoulli": SissBernoulli(scaling_norm=0.05),
    "erase_diff": EraseDiff(eta=0.4),
}
SEED, STEP = 7, 2


class Both:
    """Differentiates all losses plainly."""

    def __init__(self, parameters: list[torch.nn.Parameter]):
        self.parameters = parameters
        self.of_retained = self.of_removed = torch.zeros(sum(p.numel() for p in parameters))

    def retained(self, loss: torch.Tensor, keep_graph: bool = False) -> None:
        """Add to G_x."""
        found = flat(torch.autograd.grad(loss, self.parameters, retain_graph=True))
        self.of_retained = self.of_retained + found

    def removed(self, loss: torch.Tensor) -> None:
        """Add to G_a."""
        self.of_removed = self.of_removed + flat(torch.autograd.grad(loss, self.parameters))


def flat(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.flatten() for part in parts])


def batches(images: torch.Tensor, parts: int = 1, precision: str = "no") -> Drawing:
    settings = Training(batch_size=8, gradient_accumulation=parts, mixed_precision=precision)
    return drawing(images[:12], images[12:], SEED, settings, make_accelerator(settings, "cpu"))


def step(
    start: Trained, images: torch.Tensor, objective: Any, parts: int, precision: str = "no"
) -> torch.Tensor:
    """The gradient of a step as the loop leaves it before clipping, flat."""
    settings = Training(batch_size=8, gradient_accumulation=parts, mixed_precision=precision)
    accelerator = make_accelerator(settings, "cpu")
    network = accelerator.prepare(start.copy().network)
    parameters = list(network.parameters())
    draw = batches(images, parts, precision)
    gradient = of_step(objective, STEP, network, parameters, accelerator)
    for part, (retained, removed) in enumerate(draw.parts(STEP)):
        gradient.add(
            lambda batch: predict(network, batch.noised, batch.timesteps),
            retained,
            removed,
            lambda *shape, part=part: draw.uniform(STEP, part, *shape),
        )
    gradient.finish()
    return flat([parameter.grad for parameter in parameters])


def plainly(start: Trained, images: torch.Tensor, objective: Any) -> tuple[torch.Tensor, ...]:
    """The same G_x and G_a, of a whole batch and without the loop."""
    network = start.copy().network
    draw = batches(images)
    ((retained, removed),) = draw.parts(STEP)
    found = Both(list(network.parameters()))
    objective.backward_apart(
        lambda batch: predict(network, batch.noised, batch.timesteps),
        retained,
        removed,
        lambda *shape: draw.uniform(STEP, 0, *shape),
        found,
    )
    return found.of_retained, found.of_removed


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("name", TWO_SIDED)
def test_step_is_the_combination_of_whole_gradients_in_any_number_of_parts(
    start: Trained, images: torch.Tensor, name: str, parts: int
) -> None:
    of_x, of_a = plainly(start, images, TWO_SIDED[name])
    if name == "erase_diff":
        factor = max(0.0, 0.4 - (of_x @ of_a / (of_a @ of_a)).item())
    else:
        factor = -0.05 / of_a.norm().item()
    assert factor != 0
    found = step(start, images, TWO_SIDED[name], parts)
    torch.testing.assert_close(found, of_x + factor * of_a, rtol=1e-4, atol=1e-6)


def test_gradient_of_one_loss_is_left_as_autograd_makes_it(
    start: Trained, images: torch.Tensor
) -> None:
    network = start.copy().network
    ((retained, removed),) = batches(images).parts(STEP)
    for objective, sign, batch in ((Denoise(), 1, retained), (GradientAscent(), -1, removed)):
        predicted = predict(network, batch.noised, batch.timesteps)
        loss = sign * torch.nn.functional.mse_loss(predicted, batch.noise)
        expected = flat(torch.autograd.grad(loss, list(network.parameters())))
        assert torch.equal(step(start, images, objective, 1), expected)
    weighted = GradientAscent(superfactor=2.0, superfactor_decay=0.5)
    torch.testing.assert_close(step(start, images, weighted, 1), expected / 2)


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_scaled_losses_give_the_scaled_step(
    start: Trained, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch, scale: float
) -> None:
    """As in half precision, where the gradient is unscaled after this, when it is clipped."""
    expected = step(start, images, TWO_SIDED["siss"], 2)
    backward = Accelerator.backward
    monkeypatch.setattr(_Apart, "_scale", lambda self: scale)
    monkeypatch.setattr(
        Accelerator, "backward", lambda self, loss, **how: backward(self, scale * loss, **how)
    )
    found = step(start, images, TWO_SIDED["siss"], 2)
    torch.testing.assert_close(found / scale, expected, rtol=1e-4, atol=1e-7)


def test_gradient_that_overflows_leaves_one_that_is_skipped(
    start: Trained, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scaler that finds what is not finite lowers its scale; 0 would be taken for a step."""
    removed = _Apart.removed
    monkeypatch.setattr(_Apart, "removed", lambda self, loss: removed(self, loss * torch.inf))
    assert not torch.isfinite(step(start, images, TWO_SIDED["siss"], 1)).all()


def test_mixed_precision_gives_nearly_the_same_step(start: Trained, images: torch.Tensor) -> None:
    exact = step(start, images, TWO_SIDED["siss"], 2)
    AcceleratorState._reset_state()
    mixed = step(start, images, TWO_SIDED["siss"], 2, "bf16")
    assert mixed.dtype == torch.float32
    assert 0 < (mixed - exact).norm() < 0.05 * exact.norm()


def test_at_most_two_copies_of_the_gradient_beside_it(start: Trained) -> None:
    """One in fact, and none between steps."""
    network = start.copy().network
    parameters = list(network.parameters())
    accelerator = make_accelerator(Training(batch_size=8), "cpu")
    two = _Apart(TWO_SIDED["siss"], network, parameters, accelerator)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    two.aside = [torch.ones_like(parameter) for parameter in parameters]
    places = [parameter.grad.data_ptr() for parameter in parameters]
    two.finish()
    assert [parameter.grad.data_ptr() for parameter in parameters] == places
    assert two.aside == [None] * len(parameters)


@pytest.fixture
def run(start: Trained, images: torch.Tensor, plan: Plan) -> Callable[..., Outcome]:
    def run_(
        objective: Any,
        checkpoint: Checkpoint | None = None,
        steps: int = 6,
        removed: torch.Tensor | None = images[12:],
        **changes: Any,
    ) -> Outcome:
        settings = Training(**({"batch_size": 8, "warmup_steps": 3} | changes))
        told = dataclasses.replace(plan, steps=steps, objective={"name": "the objective"})
        accelerator = make_accelerator(settings, "cpu")
        return train(
            start, objective, images[:12], removed, told, settings, accelerator, checkpoint
        )

    return run_


def same_bits(first: Outcome, second: Outcome) -> bool:
    a, b = (outcome.trained.network.state_dict() for outcome in (first, second))
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ["siss", "erase_diff"])
def test_step_is_clipped_after_it_is_combined(
    run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What the optimizer is given has the norm of the clip."""
    norms = []
    adam = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, *given: Any) -> Any:
        held = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(flat(held).norm().item())
        return adam(self, *given)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    large = {"siss": Siss(scaling_norm=50.0), "erase_diff": EraseDiff(eta=50.0)}[name]
    run(large, gradient_clip=0.02, gradient_accumulation=2)
    assert norms == pytest.approx([0.02] * 6, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("objective", [Siss(), EraseDiff(eta=0.4), SissBernoulli()])
def test_interrupted_training_of_two_gradients_ends_with_the_same_bits(
    run: Callable[..., Outcome],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    objective: Any,
    parts: int,
) -> None:
    """Between the two losses of a part; the scaling norm is measured again, to the same number."""
    whole = run(objective, gradient_accumulation=parts)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", 2)
    removed, finish, steps = _Apart.removed, _Apart.finish, []

    def interrupted(self: _Apart, loss: torch.Tensor) -> None:
        if len(steps) == 4:
            raise KeyboardInterrupt
        removed(self, loss)

    def counted(self: _Apart) -> None:
        finish(self)
        steps.append(1)

    with monkeypatch.context() as patched:
        patched.setattr(_Apart, "removed", interrupted)
        patched.setattr(_Apart, "finish", counted)
        with pytest.raises(KeyboardInterrupt):
            run(objective, checkpoint, gradient_accumulation=parts)
    monkeypatch.setattr(_Apart, "finish", counted)
    torch.manual_seed(3)
    resumed = run(objective, checkpoint, gradient_accumulation=parts)
    assert len(steps) == 6
    assert same_bits(whole, resumed)


def test_parts_give_the_weights_of_one(run: Callable[..., Outcome]) -> None:
    one, four = (
        run(Siss(scaling_norm=0.05), gradient_accumulation=parts).trained.network.state_dict()
        for parts in (1, 4)
    )
    compared = [name for name in one if "to_k.bias" not in name]  # its gradient is rounding
    assert max((one[name] - four[name]).abs().max().item() for name in compared) < 1e-5


def test_removed_images_that_are_not_there_are_told(run: Callable[..., Outcome]) -> None:
    for objective in TWO_SIDED.values():
        with pytest.raises(UserError, match="needs removed images; there are none"):
            run(objective, removed=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siss", "siss_two_pass", "siss_bernoulli"])
def test_removed_loss_rises_more_than_that_of_the_retained(
    learned: Trained,
    images: torch.Tensor,
    settings: Training,
    rises: Callable[[Trained, Trained], dict[str, float]],
    name: str,
) -> None:
    accelerator = make_accelerator(settings, "cpu")
    kept, gone = images[:10], images[10:]
    forgetting = Plan("siss", {"name": name}, 12, 1e-3, seed=2)
    options = TWO_SIDED[name].options.given | {"scaling_norm": 1.0}
    objective = type(TWO_SIDED[name])(**options)
    unlearned = train(learned, objective, kept, gone, forgetting, settings, accelerator).trained
    found = rises(learned, unlearned)
    assert found["removed"] > 0.01
    assert found["removed"] > found["retained"]


@pytest.mark.parametrize("parts", [1, 2])
def test_norm_of_naive_deletion_is_that_of_the_first_batches(
    start: Trained, images: torch.Tensor, parts: int
) -> None:
    accelerator = make_accelerator(Training(batch_size=8), "cpu")
    before = copy.deepcopy(start.network.state_dict())
    found = naive_deletion_norm(start, {"name": "all"}, 0, batches(images, parts), accelerator)
    norms = []
    for number in range(gradients.MEASURED_STEPS):
        (batch,) = batches(images).of("retained", number)
        network = start.copy().network
        predicted = predict(network, batch.noised, batch.timesteps)
        torch.nn.functional.mse_loss(predicted, batch.noise).backward()
        norms.append(flat([p.grad for p in network.parameters()]).norm().item())
    assert found == pytest.approx(sum(norms) / len(norms), rel=1e-4)
    after = start.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in start.network.parameters())


def test_norm_of_adapters_is_theirs_and_repeats(start: Trained, images: torch.Tensor) -> None:
    """Without their dropout, whatever was drawn before."""
    lora = {
        "name": "lora",
        "rank": 2,
        "alpha": 4,
        "dropout": 0.5,
        "layers": ["to_q", "conv1"],
        "learning_rate_ratio": 16,
    }
    accelerator = make_accelerator(Training(batch_size=8), "cpu")
    draw = batches(images)
    first, again = (naive_deletion_norm(start, lora, 5, draw, accelerator) for _ in range(2))
    everything = naive_deletion_norm(start, {"name": "all"}, 5, draw, accelerator)
    assert first == again
    assert 0 < first != everything


def test_products_are_those_of_unscaled_gradients() -> None:
    first = [torch.tensor([1.0, 2e30]), torch.tensor([[3e30]])]
    second = [torch.tensor([0.0, 1e-30]), torch.tensor([[1e-30]])]
    found = gradients._products(first, second, 2.0)
    assert found == Products(mixed=pytest.approx(5 / 4), removed=pytest.approx(2e-60 / 4))
