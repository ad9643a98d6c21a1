"""Behaviors with a value for each of the first noises: images against the full model's."""

import numpy as np
import pytest
import torch

from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.pixel_error import Mse, Nrmse
from diffcredit.behaviors.similarity import Similarity
from diffcredit.behaviors.ssim import Ssim
from diffcredit.data.images import Images
from diffcredit.registry import MEASURES

PERFECT = {Mse: 0.0, Nrmse: 0.0, Ssim: 1.0, Similarity: 1.0}
QUERIES = 6


def seen(images: torch.Tensor) -> ImageFeatures:
    return ImageFeatures(images, Pixels())


@pytest.fixture
def full(digits: Images) -> ImageFeatures:
    return seen(torch.from_numpy(digits.pixels[:20]).permute(0, 3, 1, 2))


@pytest.mark.parametrize("measure", PERFECT)
def test_identical_models_are_perfectly_alike(measure: type, full: ImageFeatures) -> None:
    found = measure(full, queries=QUERIES)(seen(full.images.clone()))
    assert found.shape == (QUERIES,)
    np.testing.assert_allclose(found, PERFECT[measure], atol=1e-12)


@pytest.mark.parametrize("measure", PERFECT)
def test_a_query_depends_on_its_own_pair_alone(measure: type, full: ImageFeatures) -> None:
    changed = full.images.clone()
    changed[2] = 255 - changed[2]
    changed[QUERIES:] = 0
    found = measure(full, queries=QUERIES)(seen(changed))
    np.testing.assert_allclose(np.delete(found, 2), PERFECT[measure], atol=1e-12)
    assert abs(found[2] - PERFECT[measure]) > 0.05


@pytest.mark.parametrize("measure", PERFECT)
def test_more_noise_is_less_alike_and_better_says_which_way(
    measure: type, full: ImageFeatures
) -> None:
    (entry,) = [found for found in MEASURES.values() if found is measure]
    noise = torch.randn(full.images.shape, generator=torch.Generator().manual_seed(0))
    levels = [(full.images + sd * noise).clamp(0, 255).to(torch.uint8) for sd in (10, 40, 120)]
    means = [measure(full, queries=QUERIES)(seen(images)).mean() for images in levels]
    assert means == sorted(means, reverse=entry.better == "higher")


def test_errors_of_the_pixels(full: ImageFeatures) -> None:
    flat = torch.full((2, 3, 4, 4), 51, dtype=torch.uint8)
    other = flat.clone()
    other[0, 0] = 102
    np.testing.assert_allclose(Mse(seen(flat), queries=2)(seen(other)), [0.2**2 / 3, 0])
    np.testing.assert_allclose(Nrmse(seen(flat), queries=2)(seen(other)), [np.sqrt(1 / 3), 0])


def test_error_of_a_black_image_is_finite() -> None:
    black = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    np.testing.assert_allclose(Nrmse(seen(black), queries=1)(seen(black + 2)), 2)


def test_structural_similarity_of_flat_images() -> None:
    """Without structure the luminance remains: (2ab + c) / (a^2 + b^2 + c), c = 0.01^2."""
    light, dark = (torch.full((1, 1, 16, 16), v, dtype=torch.uint8) for v in (204, 51))
    a, b, c = 0.8, 0.2, 1e-4
    expected = (2 * a * b + c) / (a**2 + b**2 + c)
    np.testing.assert_allclose(Ssim(seen(light), queries=1)(seen(dark)), expected, rtol=1e-6)


def test_similarity_sees_through_the_extractor(
    full: ImageFeatures, extractor: ClassifierFeatures
) -> None:
    drawn = full.images.flip(0)
    by_classifier = Similarity(ImageFeatures(full.images, extractor), queries=4)(
        ImageFeatures(drawn, extractor)
    )
    left, right = (ImageFeatures(images[:4], extractor).features for images in (full.images, drawn))
    expected = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    np.testing.assert_allclose(by_classifier, expected)
    assert np.abs(by_classifier - Similarity(full, queries=4)(seen(drawn))).max() > 0.01


def test_only_queries_are_embedded(full: ImageFeatures) -> None:
    samples = seen(full.images.flip(0))
    Similarity(full, queries=2)(samples)
    assert "features" not in vars(samples)
