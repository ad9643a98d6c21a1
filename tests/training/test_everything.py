"""The full and the pruned model."""

import contextlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from diffcredit.config import Full, Model, Pruned, Training
from diffcredit.data.images import Images
from diffcredit.files import read_json
from diffcredit.models import checkpoints
from diffcredit.training import everything
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.rates import mean_rates, snapshot_steps


@pytest.fixture
def owned(images: torch.Tensor) -> Images:
    pixels = images.permute(0, 2, 3, 1).numpy()
    return Images(pixels, torch.zeros(20).long().numpy(), torch.zeros(20).long().numpy())


def place(target: Path) -> everything.Place:
    return everything.Place(target, "cpu", processes=1, checkpoint_steps=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pruner", ["magnitude", "reinit", {"name": "diff_pruning", "images": 4, "threshold": 0.5}]
)
def test_full_and_pruned_models_are_written_whole_and_repeat(
    tmp_path: Path, owned: Images, model: Model, settings: Training, pruner: str | dict
) -> None:
    for name in ("first", "again"):
        folder = tmp_path / name
        everything.full(owned, model, Full(steps=3), settings, 0, place(folder / "full"))
        everything.pruned(
            owned,
            folder / "full",
            Pruned(pruner=pruner, ratio=0.5, steps=3),
            settings,
            model.timesteps,
            0,
            place(folder / "pruned"),
        )
        assert sorted(path.name for path in folder.iterdir()) == ["full", "pruned"]
    for name in ("full", "pruned"):
        first, again = (
            checkpoints.load(tmp_path / folder / name).network.state_dict()
            for folder in ("first", "again")
        )
        assert all(torch.equal(first[key], again[key]) for key in first)
    facts = read_json(tmp_path / "first" / "pruned" / "config.json")["facts"]
    pruned = checkpoints.load(tmp_path / "first" / "pruned").network
    assert facts["parameters_after"] == sum(p.numel() for p in pruned.parameters())
    assert facts["seconds"] > 0


def test_interrupted_full_training_ends_with_the_same_bits(
    tmp_path: Path,
    owned: Images,
    model: Model,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything.full(owned, model, Full(steps=5), settings, 0, place(tmp_path / "whole"))
    backward, calls = Denoise.backward, []

    def interrupted(self, *arguments):  # type: ignore[no-untyped-def]
        if len(calls) == 4:
            calls.append(1)
            raise KeyboardInterrupt
        calls.append(0)
        return backward(self, *arguments)

    monkeypatch.setattr(Denoise, "backward", interrupted)
    target = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        everything.full(owned, model, Full(steps=5), settings, 0, place(target))
    assert not target.exists()
    everything.full(owned, model, Full(steps=5), settings, 0, place(target))
    assert len(calls) == 5 + 1  # steps 0..3, the interruption, step 4
    whole, parts = (
        checkpoints.load(tmp_path / name).network.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.slow
def test_interrupted_pruned_training_ends_with_the_same_bits(
    tmp_path: Path,
    owned: Images,
    model: Model,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And leaves nothing beside it."""
    everything.full(owned, model, Full(steps=1), settings, 0, place(tmp_path / "full"))
    pruner = {"name": "taylor", "images": 2}
    arguments = (
        Pruned(pruner=pruner, ratio=0.5, steps=5),
        settings,
        model.timesteps,
        0,
    )
    everything.pruned(owned, tmp_path / "full", *arguments, place(tmp_path / "whole"))
    backward, calls = Denoise.backward, []

    def interrupted(self, *given):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return backward(self, *given)

    monkeypatch.setattr(Denoise, "backward", interrupted)
    for _ in range(2):
        with contextlib.suppress(KeyboardInterrupt):
            everything.pruned(owned, tmp_path / "full", *arguments, place(tmp_path / "parts"))
    assert len(calls) == 4 + 3  # from the checkpoint of step 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "parts", "whole"]
    whole, parts = (
        checkpoints.load(tmp_path / name).network.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_pruned_model_without_fine_tuning(
    tmp_path: Path, owned: Images, model: Model, settings: Training
) -> None:
    everything.full(owned, model, Full(steps=1), settings, 0, place(tmp_path / "full"))
    everything.pruned(
        owned,
        tmp_path / "full",
        Pruned(ratio=0.5, steps=0),
        settings,
        model.timesteps,
        0,
        place(tmp_path / "pruned"),
    )
    full, pruned = (checkpoints.load(tmp_path / name).network for name in ("full", "pruned"))
    kept = pruned.conv_in.weight.flatten(1)
    rows = full.conv_in.weight.flatten(1)
    assert len(kept) < len(rows)
    assert all((rows == row).all(1).any() for row in kept)  # whole channels, as they were


@pytest.mark.parametrize(
    ("target", "asked", "warned"),
    [
        ("parameters", 0.46, False),
        ("parameters", 0.73, False),
        ("parameters", 0.05, True),
        ("multiply_adds", 0.54, False),
        ("multiply_adds", 0.05, True),
    ],
)
def test_so_much_of_the_target_goes_and_is_told(
    tmp_path: Path,
    owned: Images,
    model: Model,
    settings: Training,
    caplog: pytest.LogCaptureFixture,
    target: str,
    asked: float,
    warned: bool,
) -> None:
    everything.full(owned, model, Full(steps=1), settings, 0, place(tmp_path / "full"))
    arguments = (Pruned(target=target, ratio=asked, steps=0), settings, model.timesteps, 0)
    with caplog.at_level("INFO", logger="diffcredit"):
        everything.pruned(owned, tmp_path / "full", *arguments, place(tmp_path / "pruned"))
    facts = read_json(tmp_path / "pruned" / "config.json")["facts"]
    gone = 1 - facts[f"{target}_after"] / facts[f"{target}_before"]
    assert f"({gone:.1%} went)" in caplog.text
    assert (abs(gone - asked) > 0.02) == warned
    assert ("the nearest fraction that can go" in caplog.text) == warned


def test_config_of_a_model_that_was_not_trained_is_json(
    tmp_path: Path, owned: Images, model: Model, settings: Training
) -> None:
    """JSON knows no NaN, which Python writes all the same."""
    everything.full(owned, model, Full(steps=1), settings, 0, place(tmp_path / "full"))
    arguments = (Pruned(ratio=0.5, steps=0), settings, model.timesteps, 0)
    everything.pruned(owned, tmp_path / "full", *arguments, place(tmp_path / "pruned"))
    assert "NaN" not in (tmp_path / "pruned" / "config.json").read_text()


def test_snapshots_are_what_the_training_would_have_been(
    tmp_path: Path, owned: Images, model: Model, settings: Training
) -> None:
    """Evenly apart; they change nothing, and the last one is the model."""
    full = Full(steps=7, snapshots=3)
    assert snapshot_steps(full) == (2, 5, 7)
    plain, left = place(tmp_path / "plain"), place(tmp_path / "full")
    everything.full(owned, model, full, settings, 0, plain)
    everything.full(
        owned, model, full, settings, 0, replace(left, snapshots=tmp_path / "snapshots")
    )
    weights = {
        name: checkpoints.load(tmp_path / name).network.state_dict()
        for name in ("plain", "full", "snapshots/1", "snapshots/2")
    }
    for key, weight in weights["plain"].items():
        assert torch.equal(weights["full"][key], weight)
    names = ("snapshots/1", "snapshots/2", "full")
    convolutions = [weights[name]["conv_in.weight"] for name in names]
    assert all(not torch.equal(a, b) for a, b in pairwise(convolutions))
    assert not (tmp_path / "snapshots" / "3").exists()


def test_snapshots_count_by_the_rates_of_the_steps_before(settings: Training) -> None:
    rates = mean_rates(Full(steps=100, learning_rate=1.0, snapshots=4), settings)
    whole = mean_rates(Full(steps=100, learning_rate=1.0), settings)
    assert rates[1] > rates[2] > rates[3] > 0
    assert sum(rates) / 4 == pytest.approx(whole[0])
