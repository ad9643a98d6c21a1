"""Which images are trained on and which are held out: labels, draws and their seeds."""

from typing import Any

import numpy as np
import pytest

from diffcredit.config import Data
from diffcredit.data.images import ReadImages, nobodys, of_classes
from diffcredit.data.selection import Selected, select
from diffcredit.errors import UserError

#: Each image says by its one pixel which one it is.
PIXELS = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
LABELS = np.arange(100) % 4
NAMES = ["ant", "bee", "cow", "dog"]
TEST = nobodys(PIXELS[:40] + 100, LABELS[:40])


def dataset(owned: bool = False, with_test: bool = False) -> ReadImages:
    return of_classes(PIXELS, LABELS, NAMES, owned, TEST if with_test else None)


def selected(data: ReadImages | None = None, seed: int = 0, **keys: Any) -> Selected:
    return select(data or dataset(), Data(**keys), held_out_seed=seed, images_seed=seed + 1)


def numbers(images: Any) -> list[int]:
    return images.pixels.ravel().tolist()


def test_all_images_stay_as_they_are_where_nothing_is_asked_for() -> None:
    found = selected(dataset(owned=True))
    np.testing.assert_array_equal(found.images.pixels, PIXELS)
    np.testing.assert_array_equal(found.images.labels, LABELS)
    np.testing.assert_array_equal(found.images.contributors, LABELS)
    assert found.contributor_names == NAMES
    assert len(found.held_out.labels) == 0


def test_held_out_images_and_the_others_are_all_images_and_none_is_both() -> None:
    found = selected(held_out=30)
    used, held_out = numbers(found.images), numbers(found.held_out)
    assert len(held_out) == 30
    assert sorted(used + held_out) == list(range(100))
    assert used == sorted(used)
    assert (found.held_out.contributors == -1).all()
    np.testing.assert_array_equal(found.held_out.labels, LABELS[held_out])


def test_drawn_images_are_none_of_those_held_out() -> None:
    found = selected(held_out=30, images=70)
    assert sorted(numbers(found.images) + numbers(found.held_out)) == list(range(100))


def test_first_images_of_both_draws_stay_where_more_are_asked_for() -> None:
    few, more = selected(held_out=5, images=7), selected(held_out=5, images=20)
    assert numbers(more.images)[:7] == numbers(few.images)
    assert more.image_names[:7] == few.image_names
    assert numbers(more.held_out) == numbers(few.held_out)
    assert numbers(selected(held_out=9).held_out)[:5] == numbers(few.held_out)


def test_draws_are_random_and_repeat_with_their_seeds() -> None:
    first, again, other = (selected(seed=seed, held_out=20, images=20) for seed in (0, 0, 5))
    for draw in ("images", "held_out"):
        found = numbers(getattr(first, draw))
        assert found == numbers(getattr(again, draw))
        assert len(set(found) & set(numbers(getattr(other, draw)))) < 15
        assert found != sorted(found)
        assert max(found) > 70


def test_each_seed_is_of_its_own_draw() -> None:
    settings = Data(held_out=20, images=20)
    first = select(dataset(), settings, held_out_seed=0, images_seed=1)
    second = select(dataset(), settings, held_out_seed=0, images_seed=2)
    assert numbers(first.held_out) == numbers(second.held_out)
    assert numbers(first.images) != numbers(second.images)


def test_images_are_held_out_of_a_test_split_where_there_is_one() -> None:
    found = selected(dataset(with_test=True), held_out=30)
    assert numbers(found.images) == list(range(100))
    assert min(numbers(found.held_out)) >= 100
    assert len(set(numbers(found.held_out))) == 30


def test_labels_are_kept_and_numbered_from_0_in_their_order() -> None:
    found = selected(dataset(owned=True, with_test=True), labels=["dog", 1], held_out=20)
    assert numbers(found.images) == [n for n in range(100) if n % 4 in (1, 3)]
    assert set(numbers(found.held_out)) == {n for n in range(100, 140) if n % 4 in (1, 3)}
    for images in (found.images, found.held_out):
        np.testing.assert_array_equal(images.labels, images.pixels.ravel() % 4 // 2)
    np.testing.assert_array_equal(found.images.contributors, found.images.labels)
    assert found.contributor_names == ["bee", "dog"]


def test_images_of_nobody_are_nobodys_whichever_labels_are_kept() -> None:
    found = selected(labels=[1, 3], images=10)
    assert (found.images.contributors == -1).all()
    assert found.contributor_names == []


def test_images_are_named_by_their_number_in_the_dataset() -> None:
    found = selected(labels=[2, 3], images=10, held_out=10)
    assert found.image_names == [f"image {number:02d}" for number in numbers(found.images)]


def test_images_of_files_are_named_by_them() -> None:
    files = [f"{label}/{number}.png" for number, label in enumerate(LABELS)]
    found = selected(of_classes(PIXELS, LABELS, NAMES, False, files=files), labels=[2], images=5)
    assert found.image_names == [f"2/{number}.png" for number in numbers(found.images)]


def test_name_of_a_class_goes_before_its_number() -> None:
    folders = of_classes(PIXELS, LABELS, ["1", "10", "2", "3"], owned=False)
    assert set(numbers(selected(folders, labels=[2, 3]).images)) == {
        n for n in range(100) if n % 4 in (2, 3)
    }
    assert set(numbers(selected(folders, labels=[0]).images)) == set(range(0, 100, 4))


TOO_MANY: dict[str, tuple[dict[str, Any], bool, str]] = {
    "images": ({"images": 101}, False, r"data\.images = 101: there are only 100 images"),
    "images besides those held out": (
        {"images": 71, "held_out": 30},
        False,
        r"data\.images = 71: there are only 70 images",
    ),
    "images of the labels": (
        {"images": 26, "labels": [0]},
        False,
        r"data\.images = 26: there are only 25 images",
    ),
    "held out": ({"held_out": 101}, False, r"data\.held_out = 101: there are only 100 images"),
    "held out of the test split": (
        {"held_out": 41},
        True,
        r"data\.held_out = 41: there are only 40 images",
    ),
    "all held out": ({"held_out": 100}, False, r"data\.held_out = 100: of 100 images none is left"),
    "unknown label": (
        {"labels": ["cat", 0]},
        False,
        r"'cat' is no class; must be one of: ant, bee.* 0 to 3",
    ),
}


@pytest.mark.parametrize("mistake", TOO_MANY)
def test_images_that_there_are_not_are_told(mistake: str) -> None:
    keys, with_test, told = TOO_MANY[mistake]
    with pytest.raises(UserError, match=told):
        selected(dataset(with_test=with_test), **keys)
