"""Optimizers and schedules of the registry: what they are made with, and that they continue."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from pydantic import Field
from trainings import Plan, run_of, untrained

from diffcredit import config
from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.files import read_tensors
from diffcredit.registry import OPTIMIZERS, SCHEDULES, build
from diffcredit.training import loop
from diffcredit.training.loop import make_accelerator
from diffcredit.training.optimizers import adam8bit
from diffcredit.training.optimizers.optimizer import Optimizer
from diffcredit.training.recipe import Checkpoint

OPTIONS = {"betas": [0.8, 0.99], "epsilon": 1e-7}


def groups() -> list[dict[str, Any]]:
    parameters = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2))]
    return [{"params": [p], "scale": s} for p, s in zip(parameters, (1.0, 16.0), strict=True)]


def test_optimizers_are_made_with_their_options() -> None:
    adam = build(OPTIMIZERS, {"name": "adam", **OPTIONS}).over(groups(), 0.1)
    adamw = build(OPTIMIZERS, {"name": "adamw", **OPTIONS, "weight_decay": 0.5}).over(groups(), 0.1)
    assert (type(adam), type(adamw)) == (torch.optim.Adam, torch.optim.AdamW)
    for optimizer, decay in ((adam, 0), (adamw, 0.5)):
        for group, scale in zip(optimizer.param_groups, (1.0, 16.0), strict=True):
            assert (group["betas"], group["eps"]) == ((0.8, 0.99), 1e-7)
            assert (group["lr"], group["scale"]) == (0.1, scale)
            assert group["weight_decay"] == decay


def test_optimizer_of_8_bits_asks_for_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    raw["training"]["optimizer"] = "adam8bit"
    monkeypatch.setattr(adam8bit, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs the package bitsandbytes"):
        config.load(raw)
    monkeypatch.setattr(adam8bit, "find_spec", lambda name: "found")
    config.load(raw)


def test_optimizer_of_8_bits_is_adamw(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of bitsandbytes, which need not be installed here."""
    given: dict[str, Any] = {}

    def made(groups: Any, **options: Any) -> str:
        given.update(options)
        return "made"

    package = SimpleNamespace(optim=SimpleNamespace(AdamW8bit=made))
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", package.optim)
    settings = {"name": "adam8bit", **OPTIONS, "weight_decay": 0.1}
    assert build(OPTIMIZERS, settings).over(groups(), 0.1) == "made"
    assert given == {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-7, "weight_decay": 0.1}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_begin_at_the_peak_and_never_rise(schedule: str) -> None:
    factors = SCHEDULES[schedule]()
    rates = [factors.learning_rate(step, 30, 0.2, 5) for step in range(30)]
    assert rates[:5] == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2])
    assert rates[5] == pytest.approx(0.2)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert (rates[-1] < 0.02) == (schedule != "constant")


class Held(torch.optim.Optimizer):
    """One of its own, with a state that is no tensor and groups that change."""

    def __init__(self, groups: Any, learning_rate: float, decay: float = 0.9):
        super().__init__(groups, {"lr": learning_rate, "pair": (decay, 0)})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Count the steps twice, in a group and of a parameter."""
        for group in self.param_groups:
            decay, count = group["pair"]
            group["pair"] = (decay, count + 1)
            for parameter in group["params"]:
                state = self.state[parameter]
                state["times"] = state.get("times", 0) + 1
                held = decay * state.get("held", 0 * parameter) + parameter.grad
                state["held"] = held
                parameter.sub_(group["lr"] * held / (state["times"] + count + 1))


class Momentum(Optimizer):
    """Makes it."""

    class Options(Optimizer.Options):
        """Of it."""

        decay: float = Field(0.9, description="of what is held")

    def over(self, groups: Any, learning_rate: float) -> torch.optim.Optimizer:
        """See `Held`."""
        return Held(groups, learning_rate, self.options.decay)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        {"name": "adamw", "weight_decay": 0.01},
        {"name": "momentum", "decay": 0.8},
    ],
)
def test_trainings_continue_exactly_whatever_the_optimizer_keeps(
    tmp_path: Path,
    images: torch.Tensor,
    helpers: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    optimizer: Any,
) -> None:
    monkeypatch.setitem(OPTIMIZERS._targets, "momentum", Momentum)
    settings = Training(batch_size=8, warmup_steps=1, optimizer=optimizer)
    accelerator = make_accelerator(settings, "cpu")
    plan = Plan("test", {"name": "denoise"}, 6, 1e-2, seed=3)
    run = run_of(untrained(), images, None, plan, settings)

    def weights(checkpoint: Checkpoint | None, fail_at: int | None = None) -> torch.Tensor:
        objective = helpers.Watching(fail_at)
        network = loop.train(run, objective, accelerator, checkpoint).trained.network
        return torch.cat([p.flatten() for p in network.parameters()])

    whole = weights(None)
    place = Checkpoint(tmp_path / "checkpoint.safetensors", 2)
    with pytest.raises(KeyboardInterrupt):
        weights(place, fail_at=5)
    assert read_tensors(place.path)[1]["step"] == 4
    assert torch.equal(weights(place), whole)
