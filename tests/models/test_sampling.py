"""Images drawn from models: the same noises, repeatable, resumable."""

from pathlib import Path

import pytest
import torch

from diffcredit import sampling
from diffcredit.config import Sampling
from diffcredit.files import read_tensors
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained

SETTINGS = Sampling(images=6, steps=3, batch_size=4)
TIMESTEPS = 50


def test_more_images_begin_with_the_same_noises(network: Trained) -> None:
    architecture = network.description.architecture
    few, many = (sampling.initial_noise(architecture, images, seed=5) for images in (3, 10))
    assert torch.equal(few, many[:3])
    assert few.shape == (3, 1, 8, 8)
    assert not torch.equal(few, sampling.initial_noise(architecture, 3, seed=6))


def test_noises_are_standard_normal_and_differ(network: Trained) -> None:
    noise = sampling.initial_noise(network.description.architecture, 400, seed=0)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    neighbors = torch.corrcoef(noise.flatten(1)[:50])
    assert (neighbors - torch.eye(50)).abs().max() < 0.6


def test_samples_repeat_and_depend_on_the_seed(network: Trained) -> None:
    first, again = (sampling.draw(network, SETTINGS, TIMESTEPS, 0, "cpu") for _ in range(2))
    assert first.shape == (6, 1, 8, 8)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, sampling.draw(network, SETTINGS, TIMESTEPS, 1, "cpu"))


@pytest.mark.parametrize("batch_size", [1, 6])
def test_samples_do_not_depend_on_the_batch(network: Trained, batch_size: int) -> None:
    expected = sampling.draw(network, SETTINGS, TIMESTEPS, 0, "cpu").int()
    settings = SETTINGS.model_copy(update={"batch_size": batch_size})
    found = sampling.draw(network, settings, TIMESTEPS, 0, "cpu").int()
    assert (found - expected).abs().max() <= 1


def test_more_images_begin_with_the_same_ones(network: Trained) -> None:
    few = sampling.draw(network, SETTINGS, TIMESTEPS, 0, "cpu").int()
    settings = SETTINGS.model_copy(update={"images": 9})
    many = sampling.draw(network, settings, TIMESTEPS, 0, "cpu").int()
    assert (few - many[:6]).abs().max() <= 1


@pytest.fixture
def models(tmp_path: Path, network: Trained, other_network: Trained) -> Path:
    for index, model in enumerate((network, other_network)):
        checkpoints.save(model, tmp_path / "models" / f"{index:06d}", {"seconds": 10.0 + index})
    return tmp_path / "models"


def draw_shard(models: Path, settings: Sampling = SETTINGS, seed: int = 0) -> dict[str, Path]:
    folder = models.parent / "samples"
    sampling.sample_shard(models, settings, TIMESTEPS, seed, "cpu", folder, "samples")
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def test_shard_holds_the_images_and_seconds_of_each_model(
    models: Path, network: Trained, other_network: Trained
) -> None:
    files = draw_shard(models)
    assert list(files) == ["000000", "000001"]
    for index, model in enumerate((network, other_network)):
        tensors, facts = read_tensors(files[f"{index:06d}"])
        expected = sampling.draw(model, SETTINGS, TIMESTEPS, 0, "cpu")
        assert torch.equal(tensors["images"], expected)
        assert facts["seconds_training"] == 10.0 + index
        assert facts["seconds_sampling"] > 0


def test_interrupted_shard_keeps_what_is_finished_and_makes_the_rest(models: Path) -> None:
    files = draw_shard(models)
    kept, lost = files["000000"], files["000001"]
    written = kept.stat().st_mtime_ns
    content = read_tensors(lost)[0]["images"]
    lost.unlink()
    draw_shard(models)
    assert kept.stat().st_mtime_ns == written
    assert torch.equal(read_tensors(lost)[0]["images"], content)


def test_samples_of_another_model_are_redone(models: Path) -> None:
    files = draw_shard(models)
    written = {name: path.stat().st_mtime_ns for name, path in files.items()}
    (models / "000000").rename(models / "other")
    (models / "000001").rename(models / "000000")
    (models / "other").rename(models / "000001")
    before = {name: read_tensors(path)[0]["images"] for name, path in files.items()}
    draw_shard(models)
    assert all(path.stat().st_mtime_ns != written[name] for name, path in files.items())
    assert torch.equal(read_tensors(files["000000"])[0]["images"], before["000001"])
    assert torch.equal(read_tensors(files["000001"])[0]["images"], before["000000"])


@pytest.mark.parametrize("change", [{"steps": 2}, {"images": 5}, {"seed": 1}])
def test_samples_of_other_settings_are_redone(models: Path, change: dict[str, int]) -> None:
    files = draw_shard(models)
    written = files["000000"].stat().st_mtime_ns
    settings = SETTINGS.model_copy(update={k: v for k, v in change.items() if k != "seed"})
    draw_shard(models, settings, change.get("seed", 0))
    assert files["000000"].stat().st_mtime_ns != written
    assert len(read_tensors(files["000000"])[0]["images"]) == settings.images


def test_samples_of_models_that_are_gone_do_not_stay(models: Path) -> None:
    """An interrupted run may have had others."""
    files = draw_shard(models)
    files["000001"].rename(files["000001"].with_name("000007.safetensors"))
    assert list(draw_shard(models)) == ["000000", "000001"]
