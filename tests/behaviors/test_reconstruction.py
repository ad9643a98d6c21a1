"""What a model makes of images with noise, and when a training may end by it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from trainings import family_of, from_uint8, untrained

from diffcredit.behaviors import forgotten, reconstruction
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.behaviors.reconstruction import Reconstruction
from diffcredit.config import Behavior
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel

LEVELS = 100
SETTING = QuerySettings(family=family_of(LEVELS), steps=10, batch_size=4, seed=3, device="cpu")


class Knows(torch.nn.Module):
    """Sees one image in everything."""

    def __init__(self, image: torch.Tensor):
        super().__init__()
        self.image = from_uint8(image)
        self.alpha, self.sigma = SETTING.family.schedule.alpha, SETTING.family.schedule.sigma

    def forward(self, noised: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """The noise around the image."""
        noise = (noised - self.alpha[timestep] * self.image) / self.sigma[timestep]
        return SimpleNamespace(sample=noise)


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=generator)


def model(seed: int) -> Trained:
    return untrained(
        Pixel.Options(family="pixel", channels=[8, 16], norm_groups=4, timesteps=LEVELS), seed
    )


def of_network(network: torch.nn.Module) -> Trained:
    return replace(model(0), network=network)


def knowing(image: torch.Tensor) -> Trained:
    return of_network(Knows(image))


def test_the_known_image_is_restored_and_others_become_it(images: torch.Tensor) -> None:
    measure = Reconstruction(images, SETTING, Pixels(), timestep=60, steps=20, noises=2)
    found = measure(knowing(images[1]))
    assert found.shape == (3,)
    assert found[1] == pytest.approx(1, abs=1e-4)
    directions = ImageFeatures(images, Pixels()).directions
    np.testing.assert_allclose(found, directions @ directions[1], atol=5e-3)


def test_noise_is_that_of_the_timestep(images: torch.Tensor) -> None:
    """From little noise a model that sees no noise gives back nearly what it was given."""

    class Blind(torch.nn.Module):
        def forward(self, noised: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(sample=torch.zeros_like(noised))

    blind = of_network(Blind())
    little, much = (
        Reconstruction(images, SETTING, Pixels(), timestep=t, steps=50, noises=3)(blind)
        for t in (4, 90)
    )
    assert (little > 0.95).all()
    assert (much < little).all()


def test_images_are_restored_the_same_in_batches_of_any_size(images: torch.Tensor) -> None:
    made = model(0)
    found = [
        reconstruction.reconstructed(
            made,
            images,
            QuerySettings(SETTING.family, 10, size, 3, "cpu"),
            timestep=50,
            steps=20,
            noises=2,
        )
        for size in (1, 4, 100)
    ]
    assert found[0].shape == (2, 3, 1, 8, 8)
    assert all(int((f.int() - found[0].int()).abs().max()) <= 1 for f in found)


def test_by_step_is_in_the_order_of_the_steps(tmp_path: Path, images: torch.Tensor) -> None:
    for step in (10, 2):
        checkpoints.save(model(step), tmp_path / f"{step:09d}", {"step": step})
    (tmp_path / "0.json").write_text("{}")
    found = reconstruction.by_step(tmp_path, images[0], SETTING, timestep=50, steps=20)
    assert list(found) == [2, 10]
    assert not torch.equal(found[2], found[10])
    own = model(10)
    again = reconstruction.reconstructed(own, images[:1], SETTING, timestep=50, steps=20, noises=1)
    assert torch.equal(found[10], again[0, 0])


@pytest.mark.parametrize(
    ("measure", "above"),
    [({"name": "reconstruction", "timestep": 50}, True), ({"name": "denoising_loss"}, False)],
)
def test_training_ends_where_the_images_are_known_less(
    measure: dict[str, object],
    above: bool,
    tmp_path: Path,
    images: torch.Tensor,
) -> None:
    """Less similar, but a larger loss."""
    behavior = Behavior.model_validate({"measure": {**measure, "images": "removed", "noises": 1}})
    checkpoints.save(model(0), tmp_path / "model")
    seen = {} if behavior.sees is None else {behavior.sees: Pixels()}
    for level, reached in ((-9.0, not above), (9.0, above)):
        stop = forgotten.stop("known", behavior, level, images, SETTING, seen)
        assert stop.reached(tmp_path / "model") is reached
        assert stop.facts["level"] == level
