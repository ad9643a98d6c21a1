"""Images drawn from models: the same noises, repeatable, resumable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from diffcredit import sampling
from diffcredit.config import Sampling
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.samples import ModelSamples, read_shard
from diffcredit.training.make_model import model_facts

SETTINGS = Sampling(images=6, steps=3, batch_size=4)


def test_more_images_begin_with_the_same_noises() -> None:
    few, many = (sampling.initial_noise((1, 8, 8), images, seed=5) for images in (3, 10))
    assert torch.equal(few, many[:3])
    assert few.shape == (3, 1, 8, 8)
    assert not torch.equal(few, sampling.initial_noise((1, 8, 8), 3, seed=6))


def test_noises_are_standard_normal_and_differ() -> None:
    noise = sampling.initial_noise((1, 8, 8), 400, seed=0)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    neighbors = torch.corrcoef(noise.flatten(1)[:50])
    assert (neighbors - torch.eye(50)).abs().max() < 0.6


def test_samples_repeat_and_depend_on_the_seed(network: Trained) -> None:
    first, again = (sampling.draw(network, SETTINGS, 0, "cpu") for _ in range(2))
    assert first.shape == (6, 1, 8, 8)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, sampling.draw(network, SETTINGS, 1, "cpu"))


@pytest.mark.parametrize("batch_size", [1, 6])
def test_samples_do_not_depend_on_the_batch(network: Trained, batch_size: int) -> None:
    expected = sampling.draw(network, SETTINGS, 0, "cpu").int()
    settings = SETTINGS.model_copy(update={"batch_size": batch_size})
    found = sampling.draw(network, settings, 0, "cpu").int()
    assert (found - expected).abs().max() <= 1


def test_more_images_begin_with_the_same_ones(network: Trained) -> None:
    few = sampling.draw(network, SETTINGS, 0, "cpu").int()
    settings = SETTINGS.model_copy(update={"images": 9})
    many = sampling.draw(network, settings, 0, "cpu").int()
    assert (few - many[:6]).abs().max() <= 1


@pytest.fixture
def models(tmp_path: Path, network: Trained, other_network: Trained) -> Path:
    for index, model in enumerate((network, other_network)):
        facts = {**model_facts(0, index), "step": 5, "seconds": 10.0 + index}
        checkpoints.save(model, tmp_path / "models" / f"{index:06d}", facts)
    return tmp_path / "models"


def draw_shard(
    models: Path, settings: Sampling = SETTINGS, seed: int = 0
) -> dict[str, ModelSamples]:
    target = models.parent / "samples.safetensors"
    sampling.sample_shard(models, settings, seed, "cpu", target, "samples")
    return {drawn.name: drawn for drawn in read_shard(target)}


def interrupted(monkeypatch: pytest.MonkeyPatch, models: Path) -> dict[str, Path]:
    """The files of single models that a job leaves which ends before it writes the shard."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sampling.samples, "write_shard", interrupt)
        with pytest.raises(KeyboardInterrupt):
            draw_shard(models)
    left = models.parent / "samples.safetensors.partial"
    return {path.stem: path for path in sorted(left.glob("*.safetensors"))}


def drawn_again(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """How many models the work draws images from."""
    calls: list[Trained] = []
    draw = sampling.draw

    def counted(trained: Trained, *arguments: Any) -> torch.Tensor:
        calls.append(trained)
        return draw(trained, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(sampling, "draw", counted)
        work()
    return len(calls)


def test_shard_holds_the_images_and_seconds_of_each_model(
    models: Path, network: Trained, other_network: Trained
) -> None:
    drawn = draw_shard(models)
    assert list(drawn) == ["000000", "000001"]
    for index, model in enumerate((network, other_network)):
        found = drawn[f"{index:06d}"]
        assert torch.equal(found.images(), sampling.draw(model, SETTINGS, 0, "cpu"))
        assert found.coalition == index
        assert found.seconds["seconds_training"] == 10.0 + index
        assert found.seconds["seconds_sampling"] > 0
    assert not (models.parent / "samples.safetensors.partial").exists()


def test_interrupted_shard_keeps_what_is_finished_and_makes_the_rest(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {name: found.images() for name, found in draw_shard(models).items()}
    interrupted(monkeypatch, models)["000001"].unlink()
    assert drawn_again(monkeypatch, lambda: draw_shard(models)) == 1
    found = read_shard(models.parent / "samples.safetensors")
    assert all(torch.equal(drawn.images(), expected[drawn.name]) for drawn in found)


def test_samples_of_another_model_are_redone(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: found.images() for name, found in draw_shard(models).items()}
    interrupted(monkeypatch, models)
    (models / "000000").rename(models / "other")
    (models / "000001").rename(models / "000000")
    (models / "other").rename(models / "000001")
    drawn = draw_shard(models)
    assert torch.equal(drawn["000000"].images(), before["000001"])
    assert torch.equal(drawn["000001"].images(), before["000000"])


@pytest.mark.parametrize("change", [{"steps": 2}, {"images": 5}, {"seed": 1}])
def test_samples_of_other_settings_are_redone(
    models: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int]
) -> None:
    interrupted(monkeypatch, models)
    settings = SETTINGS.model_copy(update={k: v for k, v in change.items() if k != "seed"})
    seed = change.get("seed", 0)
    assert drawn_again(monkeypatch, lambda: draw_shard(models, settings, seed)) == 2
    found = read_shard(models.parent / "samples.safetensors")
    assert all(len(drawn.images()) == settings.images for drawn in found)


def test_samples_of_models_that_are_gone_do_not_stay(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted run may have had others."""
    left = interrupted(monkeypatch, models)
    left["000001"].rename(left["000001"].with_name("000007.safetensors"))
    assert list(draw_shard(models)) == ["000000", "000001"]
