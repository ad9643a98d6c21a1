"""Weights of patches against a loop over all of them."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from trainings import schedule

from diffcredit.attribution.similarity import patches
from diffcredit.attribution.similarity.patches import Scale, patch_weights
from diffcredit.errors import UserError

LEVELS = 50
TIMESTEPS = [10, 25]


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, torch.Tensor]:
    """3 queries and 5 training images, on a rectangle."""
    drawn = torch.rand(8, 2, 6, 5, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return drawn[:3], drawn[3:]


def cut(image: np.ndarray, scale: Scale, stride: int) -> list[tuple[str, np.ndarray]]:
    """Where each patch stands out of the image, and the patch, by squares of pixels."""
    _, height, width = image.shape
    before = (scale.size - 1) // 2
    margin = ((0, 0), (before, before), (before, before))
    padded = np.pad(image, margin)
    inside = np.pad(np.ones_like(image), margin)
    found = []
    for top in range(0, height + 2 * before - scale.size + 1, stride):
        for left in range(0, width + 2 * before - scale.size + 1, stride):
            window = np.s_[:, top : top + scale.size, left : left + scale.size]
            squares = [
                padded[window][:, y : y + scale.pool, x : x + scale.pool].sum((1, 2)) / scale.pool
                for y in range(0, scale.size, scale.pool)
                for x in range(0, scale.size, scale.pool)
            ]
            found.append((str(inside[window].tolist()), np.concatenate(squares)))
    return found


def by_loops(
    queries: torch.Tensor, train: torch.Tensor, scales: Sequence[Scale], stride: int
) -> np.ndarray:
    kept = schedule(LEVELS).alphas_cumprod.double().numpy()
    total = np.zeros((len(queries), len(train)))
    for row, query in enumerate(queries):
        for timestep in TIMESTEPS:
            abar = kept[timestep]
            noise = patches._noise(queries, 0, timestep).double().numpy()
            noised = np.sqrt(abar) * query.double().numpy() + np.sqrt(1 - abar) * noise
            for scale in scales:
                seen = cut(noised, scale, stride)
                known = [cut(image.double().numpy(), scale, stride) for image in train]
                for where, patch in seen:
                    weights = np.array(
                        [
                            sum(
                                np.exp(
                                    -((patch - np.sqrt(abar) * other) ** 2).sum() / (2 * (1 - abar))
                                )
                                for there, other in image
                                if there == where
                            )
                            for image in known
                        ]
                    )
                    total[row] += weights / weights.sum() / len(seen)
    return total / len(TIMESTEPS) / len(scales)


@pytest.mark.parametrize(
    ("scales", "stride"),
    [
        ([Scale(3)], 1),
        ([Scale(3)], 2),
        ([Scale(4, pool=2)], 1),
        ([Scale(1)], 1),
        ([Scale(9)], 1),
        ([Scale(3), Scale(4, pool=2)], 1),
    ],
)
def test_weights_are_those_of_a_loop(
    images: tuple[torch.Tensor, torch.Tensor], scales: list[Scale], stride: int
) -> None:
    found = patch_weights(*images, TIMESTEPS, schedule(LEVELS), scales, stride)
    np.testing.assert_allclose(found, by_loops(*images, scales, stride), rtol=1e-4)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_weights_depend_on_neither_blocks_nor_order(
    images: tuple[torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, train = images
    whole = patch_weights(queries, train, TIMESTEPS, schedule(LEVELS), [Scale(3)])
    turned = patch_weights(queries, train.flip(0), TIMESTEPS, schedule(LEVELS), [Scale(3)])
    np.testing.assert_allclose(turned[:, ::-1], whole, rtol=1e-5)
    monkeypatch.setattr(patches, "HELD", 200)
    monkeypatch.setattr(patches, "COMPARED", 60)
    found = patch_weights(queries, train, TIMESTEPS, schedule(LEVELS), [Scale(3)])
    np.testing.assert_allclose(found, whole, rtol=1e-5)


def test_noise_of_a_timestep_depends_on_no_other(
    images: tuple[torch.Tensor, torch.Tensor],
) -> None:
    both = patch_weights(*images, TIMESTEPS, schedule(LEVELS), [Scale(3)])
    each = [
        patch_weights(*images, [timestep], schedule(LEVELS), [Scale(3)]) for timestep in TIMESTEPS
    ]
    np.testing.assert_allclose(np.mean(each, axis=0), both, rtol=1e-5)
    other = patch_weights(*images, TIMESTEPS, schedule(LEVELS), [Scale(3)], seed=1)
    assert np.abs(other - both).max() > 1e-3


def test_a_copy_weighs_most(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    _, train = images
    found = patch_weights(train, train, [5], schedule(LEVELS), [Scale(5)])
    assert (found.argmax(1) == np.arange(len(train))).all()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"queries": torch.zeros(0, 2, 6, 5)}, "0 queries"),
        ({"train": torch.zeros(4, 1, 6, 5)}, "one shape"),
        ({"timesteps": []}, "timesteps"),
        ({"timesteps": [LEVELS]}, "0 to 49"),
        ({"scales": []}, "scales"),
        ({"stride": 0}, "stride"),
    ],
)
def test_options_that_make_no_sense_are_told(
    images: tuple[torch.Tensor, torch.Tensor], changed: dict, reason: str
) -> None:
    queries, train = images
    sound = {
        "queries": queries,
        "train": train,
        "timesteps": TIMESTEPS,
        "schedule": schedule(LEVELS),
    }
    with pytest.raises(UserError, match=reason):
        patch_weights(**(sound | changed))


@pytest.mark.parametrize("sides", [(0, 1), (4, 3), (4, 0)])
def test_sides_of_patches_are_told(sides: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="divide"):
        Scale(*sides)
