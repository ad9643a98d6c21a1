"""Dealing images to contributors, and planting spoiled ones."""

import numpy as np
import pytest

from diffcredit.config import Data, Planted
from diffcredit.data.contributors import deal, plant, prepare, table
from diffcredit.data.images import Images
from diffcredit.data.selection import Selected
from diffcredit.errors import UserError

LABELS = np.random.default_rng(0).integers(0, 10, 1000)
GRAY = np.full((60, 4, 4, 1), 128, dtype=np.uint8)
OWNERS = np.arange(60) % 6


def test_every_image_is_dealt_once_and_everybody_has_some() -> None:
    owners = deal(LABELS, 12, concentration=0.4, seed=0)
    assert owners.shape == LABELS.shape
    sizes = np.bincount(owners, minlength=12)
    assert len(sizes) == 12
    assert sizes.min() > 0
    assert sizes.sum() == len(LABELS)


def test_deal_repeats_with_its_seed() -> None:
    first, again, other = (deal(LABELS, 12, 0.4, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


@pytest.mark.parametrize(("concentration", "least", "most"), [(1e4, 0.2, 0.25), (0.05, 0.7, 1)])
def test_concentration_spreads_a_label_or_gives_it_to_one(
    concentration: float, least: float, most: float
) -> None:
    """The share of a label's images that the one of five contributors with most of them has."""
    owners = deal(LABELS, 5, concentration, seed=3)
    of_label = [owners[np.flatnonzero(np.equal(LABELS, label))] for label in range(10)]
    shares = [np.bincount(found).max() / len(found) for found in of_label]
    assert least <= np.mean(shares) < most


def test_large_concentration_deals_each_label_evenly() -> None:
    owners = deal(np.repeat(np.arange(4), 250), 5, 1e9, seed=0)
    np.testing.assert_array_equal(np.bincount(owners), [200] * 5)


def test_images_of_a_label_are_dealt_at_random_not_in_their_order() -> None:
    owners = deal(np.zeros(1000, dtype=int), 4, 1e9, seed=0)
    early = np.bincount(owners[:500], minlength=4)
    assert early.min() > 90
    assert not (np.diff(owners) >= 0).all()


def test_contributor_without_images_is_told() -> None:
    with pytest.raises(UserError, match=r"data\.contributors = 9: the deal of 6 images leaves"):
        deal(np.zeros(6, dtype=int), 9, 0.4, seed=0)


def test_only_the_images_of_planted_contributors_change() -> None:
    noisy, planted = plant(GRAY, OWNERS, Planted(contributors=2, noise=0.9), seed=0)
    assert len(set(planted)) == 2
    assert list(planted) == sorted(planted)
    changed = (noisy != GRAY).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, np.isin(OWNERS, planted))
    assert noisy.dtype == np.uint8
    assert (GRAY == 128).all()


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_noise_has_the_sd_asked_for_where_pixels_span_two(noise: float) -> None:
    """Far from black and white nothing is clipped; 2 is 255 gray levels."""
    gray = np.full((40, 16, 16, 3), 128, dtype=np.uint8)
    noisy, _ = plant(gray, np.zeros(40, dtype=int), Planted(contributors=1, noise=noise), seed=0)
    difference = (noisy.astype(float) - 128) / 127.5
    assert difference.std() == pytest.approx(noise, rel=0.02)
    assert difference.mean() == pytest.approx(0, abs=noise / 50)


def test_noise_is_clipped_and_does_not_wrap_around() -> None:
    white = np.full((20, 8, 8, 1), 255, dtype=np.uint8)
    noisy, _ = plant(white, np.zeros(20, dtype=int), Planted(contributors=1, noise=0.1), seed=0)
    assert (noisy == 255).mean() == pytest.approx(0.5, abs=0.05)
    assert noisy.min() > 180


def test_nobody_is_planted() -> None:
    noisy, planted = plant(GRAY, OWNERS, Planted(contributors=0), seed=0)
    np.testing.assert_array_equal(noisy, GRAY)
    assert len(planted) == 0


def test_planting_repeats_with_its_seed_and_every_contributor_may_be_planted() -> None:
    settings = Planted(contributors=1, noise=0.5)
    first, again = (plant(GRAY, OWNERS, settings, 4) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    assert {int(plant(GRAY, OWNERS, settings, seed)[1].item()) for seed in range(60)} == set(
        range(6)
    )


def test_more_planted_than_contributors_is_told() -> None:
    with pytest.raises(UserError, match=r"data\.planted\.contributors = 7: there are only 6"):
        plant(GRAY, OWNERS, Planted(contributors=7), seed=0)


def test_table_of_contributors() -> None:
    found = table(np.array([1, 0, 1, 2, 1]), ["ann", "bob", "cid"])
    assert list(found["name"]) == ["ann", "bob", "cid"]
    assert list(found["size"]) == [1, 3, 1]
    unnamed = table(np.array([1, 0, 1]), [])
    assert unnamed["name"].is_unique
    assert list(unnamed["index"]) == [0, 1]


def dataset(contributors: np.ndarray, names: list[str]) -> Selected:
    images = Images(GRAY, np.arange(60) % 10, contributors)
    return Selected(
        images, [f"image {row:02d}" for row in range(60)], names, held_out=images, label_names=[]
    )


def test_prepared_training_images_are_spoiled_and_reference_images_clean() -> None:
    settings = Data(contributors=4, planted=Planted(contributors=1, noise=0.5), concentration=10.0)
    prepared = prepare(dataset(np.full(60, -1), []), settings, deal_seed=0, plant_seed=1)
    np.testing.assert_array_equal(prepared.reference.pixels, GRAY)
    np.testing.assert_array_equal(prepared.train.contributors, prepared.reference.contributors)
    changed = (prepared.train.pixels != GRAY).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, np.isin(prepared.train.contributors, prepared.planted))
    assert prepared.contributors["size"].sum() == 60
    assert len(prepared.contributors) == 4


def test_images_that_have_owners_keep_them() -> None:
    settings = Data(contributors="label", planted=Planted(contributors=0))
    prepared = prepare(dataset(OWNERS, list("abcdef")), settings, deal_seed=0, plant_seed=0)
    np.testing.assert_array_equal(prepared.train.contributors, OWNERS)
    assert list(prepared.contributors["name"]) == list("abcdef")


def test_owner_without_images_is_told_by_name() -> None:
    """Else the numbers of those after it would shift."""
    settings = Data(contributors="label", planted=Planted(contributors=0), images=60, held_out=4)
    with pytest.raises(UserError) as caught:
        prepare(dataset(OWNERS, list("abcdefg")), settings, deal_seed=0, plant_seed=0)
    assert "data.images = 60, data.held_out = 4: 1 of 7 contributors" in str(caught.value)
    assert "first: g" in str(caught.value)


def test_each_image_is_a_contributor() -> None:
    """Its label stays; planted contributors are single images then."""
    settings = Data(contributors="image", planted=Planted(contributors=5, noise=0.5))
    prepared = prepare(dataset(OWNERS, list("abcdef")), settings, deal_seed=0, plant_seed=0)
    np.testing.assert_array_equal(prepared.train.contributors, np.arange(60))
    np.testing.assert_array_equal(prepared.train.labels, np.arange(60) % 10)
    assert (prepared.contributors["size"] == 1).all()
    assert list(prepared.contributors["name"])[:2] == ["image 00", "image 01"]
    assert prepared.contributors["name"].is_unique
    changed = (prepared.train.pixels != GRAY).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.flatnonzero(changed), prepared.planted)
