"""EK-FAC influence where the exact one is known, and on a small U-Net."""

import dataclasses
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from torch import nn
from trainings import family_of

from diffcredit.attribution.gradients import ekfac
from diffcredit.attribution.gradients.ekfac import EkfacSettings
from diffcredit.errors import UserError

LEVELS = 50
DAMPING = 1e-3
TIMESTEPS = torch.tensor([3, 10, 20, 30])


def setting(side: int, **changed: int) -> EkfacSettings:
    noise = torch.randn(len(TIMESTEPS), 1, side, side, generator=torch.Generator().manual_seed(2))
    sound = EkfacSettings(
        family_of(LEVELS), TIMESTEPS, noise, batch_size=20, queries_at_once=2, seed=0
    )
    return dataclasses.replace(sound, **changed)


def draw(images: int, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(images, 1, side, side, generator=generator) * 2 - 1


class LeastSquares(nn.Module):
    """A linear layer on fixed numbers of images of one pixel: its loss is quadratic."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 1)

    def numbers(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """(n, 3)."""
        pixel, time = sample.flatten(1), timestep[:, None] / LEVELS
        return torch.cat([pixel, torch.sin(3 * pixel + time), pixel * time], 1)

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """A prediction as a U-Net gives it."""
        predicted = self.layer(self.numbers(sample, timestep))
        return SimpleNamespace(sample=predicted.reshape(sample.shape))


def design(
    network: LeastSquares, images: torch.Tensor, asked: EkfacSettings
) -> tuple[np.ndarray, np.ndarray]:
    """(images, timesteps, 4) numbers with a 1 for the bias, and (images, timesteps) targets."""
    schedule = asked.family.schedule
    rows = []
    for timestep, added in zip(asked.timesteps, asked.noise, strict=True):
        steps = timestep.repeat(len(images))
        noised = schedule.add_noise(images, added.expand_as(images), steps)
        numbers = network.numbers(noised, steps)
        rows.append(torch.cat([numbers, torch.ones(len(images), 1)], 1))
    targets = asked.noise.flatten().double().repeat(len(images), 1)
    return torch.stack(rows, 1).double().numpy(), targets.numpy()


def solve(numbers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(numbers.reshape(-1, 4), targets.ravel(), rcond=None)[0]


def test_equals_the_exact_influence_where_ekfac_is_exact(tmp_path: Path) -> None:
    """One layer with one output: the matrix is that of the inputs."""
    network, images, asked = LeastSquares(), draw(30, 1), setting(1)
    numbers, targets = design(network, images, asked)
    weights = torch.cat([network.layer.weight[0], network.layer.bias]).detach().double().numpy()
    gradients = (2 * (numbers @ weights - targets)[..., None] * numbers).mean(1)
    flat = numbers.reshape(-1, 4)
    curvature = 2 * flat.T @ flat / len(flat) + DAMPING * np.eye(4)
    wanted = gradients[:5] @ np.linalg.solve(curvature, gradients.T) / len(images)
    found = ekfac.fit(network, images, asked, tmp_path).scores(images[:5], DAMPING)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_scores_tell_what_leaving_an_image_out_does(tmp_path: Path) -> None:
    """Sign and size, by fitting without each image in turn."""
    network, images, asked = LeastSquares(), draw(60, 1), setting(1)
    numbers, targets = design(network, images, asked)
    fitted = solve(numbers, targets)
    with torch.no_grad():
        network.layer.weight.copy_(torch.from_numpy(fitted[None, :3]))
        network.layer.bias.copy_(torch.from_numpy(fitted[3:]))

    def losses(weights: np.ndarray) -> np.ndarray:
        return ((numbers @ weights - targets) ** 2).mean(1)[:5]

    without = [solve(np.delete(numbers, i, 0), np.delete(targets, i, 0)) for i in range(60)]
    rises = np.stack([losses(weights) - losses(fitted) for weights in without], 1)
    found = ekfac.fit(network, images, asked, tmp_path).scores(images[:5], 1e-8)
    assert np.corrcoef(found.ravel(), rises.ravel())[0, 1] > 0.98
    assert (found * rises).sum() / (rises**2).sum() == pytest.approx(1, abs=0.15)


@pytest.fixture(scope="module")
def whole(network: UNet2DModel, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Scores of the images for one another."""
    fitted = ekfac.fit(network, draw(3, 8), setting(8), tmp_path_factory.mktemp("ekfac"))
    return fitted.scores(draw(3, 8), DAMPING)


def test_images_help_themselves(whole: np.ndarray) -> None:
    assert whole.shape == (3, 3)
    assert (np.diag(whole) > 0).all()
    np.testing.assert_allclose(whole, whole.T, rtol=1e-2, atol=1e-3 * np.abs(whole).max())


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_scores_do_not_depend_on_batches(
    network: UNet2DModel, whole: np.ndarray, tmp_path: Path, batch_size: int
) -> None:
    """Nor on how many timesteps of an image are summed by kronfluence, and how many here."""
    asked = setting(8, batch_size=batch_size, queries_at_once=3)
    found = ekfac.fit(network, draw(3, 8), asked, tmp_path).scores(draw(3, 8), DAMPING)
    np.testing.assert_allclose(found, whole, rtol=1e-2, atol=1e-3 * np.abs(whole).max())


def test_one_fit_serves_every_damping_and_query(
    network: UNet2DModel, whole: np.ndarray, tmp_path: Path
) -> None:
    fitted = ekfac.fit(network, draw(3, 8), setting(8), tmp_path)
    strong = fitted.scores(draw(3, 8)[:2], 1e6)
    relative = fitted.scores(draw(3, 8)[:1], None)
    again = fitted.scores(draw(3, 8), DAMPING)
    assert np.abs(strong).max() < 1e-3 * np.abs(whole).max()
    assert strong.shape == (2, 3)
    assert relative[0, 0] > 0
    np.testing.assert_array_equal(again, whole)


def test_nothing_is_kept_of_another_network_in_the_folder(
    network: UNet2DModel, whole: np.ndarray, tmp_path: Path
) -> None:
    other = UNet2DModel(**{**network.config, "block_out_channels": [16, 16]})
    ekfac.fit(other, draw(2, 8), setting(8), tmp_path).scores(draw(2, 8), DAMPING)
    found = ekfac.fit(network, draw(3, 8), setting(8), tmp_path).scores(draw(3, 8), DAMPING)
    np.testing.assert_array_equal(found, whole)


def test_it_is_quiet_and_writes_to_its_folder_alone(
    network: UNet2DModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    network.train().requires_grad_(True)
    ekfac.fit(network, draw(3, 8), setting(8), tmp_path / "scratch").scores(draw(1, 8), DAMPING)
    assert list(Path().iterdir()) == []
    written = {path.suffix for path in (tmp_path / "scratch").rglob("*") if path.is_file()}
    assert written == {".json", ".safetensors"}
    assert capfd.readouterr() == ("", "")
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any("Tracked" in type(module).__name__ for module in network.modules())


def test_mistakes_are_told(network: UNet2DModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="0 images"):
        ekfac.fit(network, draw(0, 8), setting(8), tmp_path)
    fitted = ekfac.fit(network, draw(1, 8), setting(8), tmp_path)
    with pytest.raises(UserError, match="0 queries"):
        fitted.scores(draw(0, 8), DAMPING)
    for damping in (0.0, -1.0, math.nan):
        with pytest.raises(UserError, match="damping"):
            fitted.scores(draw(1, 8), damping)


def test_a_missing_package_is_told(
    network: UNet2DModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kronfluence", "kronfluence.task"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "diffcredit.attribution.gradients.ekfac_task", raising=False)
    with pytest.raises(UserError, match="needs the package kronfluence"):
        ekfac.fit(network, draw(1, 8), setting(8), tmp_path)


@pytest.mark.parametrize(
    ("timesteps", "at_most", "together"), [(10, 64, 10), (10, 7, 5), (7, 5, 1), (4, 1, 1)]
)
def test_timesteps_are_taken_together_in_equal_parts(
    timesteps: int, at_most: int, together: int
) -> None:
    assert ekfac._together(timesteps, at_most) == together
