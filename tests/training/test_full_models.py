"""The full and the pruned model."""

import contextlib
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from trainings import encoded

from diffcredit.config import Full, Pruned, Training
from diffcredit.files import read_json
from diffcredit.models import checkpoints
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family
from diffcredit.training import full_models
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.rates import mean_rates, snapshot_steps

EXECUTION = full_models.TrainingResources("cpu", processes=1, checkpoint_steps=2)


@pytest.fixture
def examples(images: torch.Tensor) -> Examples:
    return encoded(images)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pruner", ["magnitude", "reinit", {"name": "diff_pruning", "images": 4, "threshold": 0.5}]
)
def test_full_and_pruned_models_are_written_whole_and_repeat(
    tmp_path: Path, examples: Examples, family: Family, settings: Training, pruner: str | dict
) -> None:
    for name in ("first", "again"):
        folder = tmp_path / name
        full_models.full(examples, family, Full(steps=3), settings, 0, folder / "full", EXECUTION)
        full_models.pruned(
            examples,
            folder / "full",
            Pruned(pruner=pruner, ratio=0.5, steps=3),
            settings,
            0,
            folder / "pruned",
            EXECUTION,
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
    examples: Examples,
    family: Family,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full_models.full(examples, family, Full(steps=5), settings, 0, tmp_path / "whole", EXECUTION)
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
        full_models.full(examples, family, Full(steps=5), settings, 0, target, EXECUTION)
    assert not target.exists()
    full_models.full(examples, family, Full(steps=5), settings, 0, target, EXECUTION)
    assert len(calls) == 5 + 1  # steps 0..3, the interruption, step 4
    whole, parts = (
        checkpoints.load(tmp_path / name).network.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.slow
def test_interrupted_pruned_training_ends_with_the_same_bits(
    tmp_path: Path,
    examples: Examples,
    family: Family,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And leaves nothing beside it."""
    full_models.full(examples, family, Full(steps=1), settings, 0, tmp_path / "full", EXECUTION)
    pruner = {"name": "taylor", "images": 2}
    arguments = (
        Pruned(pruner=pruner, ratio=0.5, steps=5),
        settings,
        0,
    )
    full_models.pruned(examples, tmp_path / "full", *arguments, tmp_path / "whole", EXECUTION)
    backward, calls = Denoise.backward, []

    def interrupted(self, *given):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return backward(self, *given)

    monkeypatch.setattr(Denoise, "backward", interrupted)
    for _ in range(2):
        with contextlib.suppress(KeyboardInterrupt):
            full_models.pruned(
                examples, tmp_path / "full", *arguments, tmp_path / "parts", EXECUTION
            )
    assert len(calls) == 4 + 3  # from the checkpoint of step 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "parts", "whole"]
    whole, parts = (
        checkpoints.load(tmp_path / name).network.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_pruned_model_without_fine_tuning(
    tmp_path: Path, examples: Examples, family: Family, settings: Training
) -> None:
    full_models.full(examples, family, Full(steps=1), settings, 0, tmp_path / "full", EXECUTION)
    full_models.pruned(
        examples,
        tmp_path / "full",
        Pruned(ratio=0.5, steps=0),
        settings,
        0,
        tmp_path / "pruned",
        EXECUTION,
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
    examples: Examples,
    family: Family,
    settings: Training,
    caplog: pytest.LogCaptureFixture,
    target: str,
    asked: float,
    warned: bool,
) -> None:
    full_models.full(examples, family, Full(steps=1), settings, 0, tmp_path / "full", EXECUTION)
    arguments = (Pruned(target=target, ratio=asked, steps=0), settings, 0)
    with caplog.at_level("INFO", logger="diffcredit"):
        full_models.pruned(examples, tmp_path / "full", *arguments, tmp_path / "pruned", EXECUTION)
    facts = read_json(tmp_path / "pruned" / "config.json")["facts"]
    gone = 1 - facts[f"{target}_after"] / facts[f"{target}_before"]
    assert f"({gone:.1%} went)" in caplog.text
    assert (abs(gone - asked) > 0.02) == warned
    assert ("the nearest fraction that can go" in caplog.text) == warned


def test_config_of_a_model_that_was_not_trained_is_json(
    tmp_path: Path, examples: Examples, family: Family, settings: Training
) -> None:
    """JSON knows no NaN, which Python writes all the same."""
    full_models.full(examples, family, Full(steps=1), settings, 0, tmp_path / "full", EXECUTION)
    arguments = (Pruned(ratio=0.5, steps=0), settings, 0)
    full_models.pruned(examples, tmp_path / "full", *arguments, tmp_path / "pruned", EXECUTION)
    assert "NaN" not in (tmp_path / "pruned" / "config.json").read_text()


def test_snapshots_are_what_the_training_would_have_been(
    tmp_path: Path, examples: Examples, family: Family, settings: Training
) -> None:
    """Evenly apart; they change nothing, and the last one is the model."""
    full = Full(steps=7, snapshots=3)
    assert snapshot_steps(full) == (2, 5, 7)
    given = (examples, family, full, settings, 0)
    full_models.full(*given, tmp_path / "plain", EXECUTION)
    full_models.full(*given, tmp_path / "full", EXECUTION, tmp_path / "snapshots")
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
