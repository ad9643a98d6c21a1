"""An injected image: its copies, whose they are, and what stays as it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffcredit.config import Data, Injected, Planted
from diffcredit.config.data import INJECTED
from diffcredit.data import images
from diffcredit.data.contributors import Prepared, prepare
from diffcredit.data.images import Images
from diffcredit.data.injection import inject
from diffcredit.data.selection import Selected
from diffcredit.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 1), dtype=np.uint8)
LABELS = np.arange(60) % 10
NEW = np.full((4, 4), 77, dtype=np.uint8)


def settings(**keys: Any) -> Data:
    planted = Planted(contributors=2, noise=0.5)
    chosen = Data(contributors=4, planted=planted, concentration=10.0, image_size=4)
    return chosen.model_copy(update=keys)


def prepared(asked: Data, names: list[str] | None = None) -> Prepared:
    owners = LABELS if names else np.full(60, -1)
    own = [f"image {row:02d}" for row in range(60)]
    selected = Selected(
        Images(PIXELS, LABELS, owners), own, names or [], Images(PIXELS, LABELS, owners), []
    )
    return prepare(selected, asked, deal_seed=0, plant_seed=1)


def file(folder: Path) -> str:
    Image.fromarray(NEW).save(folder / "new.png")
    return "new.png"


def same(first: Images, second: Images) -> None:
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.contributors, second.contributors)
    for column in ("pixels", "labels", "contributors"):
        assert getattr(first, column).dtype == getattr(second, column).dtype


def rows(found: Images, kept: Any) -> Images:
    return Images(found.pixels[kept], found.labels[kept], found.contributors[kept])


def test_nothing_is_injected() -> None:
    before = prepared(settings())
    assert inject(before, settings(), Path()) is before


@pytest.mark.parametrize("row", [0, 17, 59])
def test_training_image_moves_to_a_further_contributor(row: int) -> None:
    before = prepared(settings())
    found = inject(before, settings(injected=Injected(image=row, copies=7)), Path())
    others = np.arange(60) != row
    same(rows(found.train, slice(0, 59)), rows(before.train, others))
    same(found.reference, rows(before.reference, others))
    np.testing.assert_array_equal(found.train.pixels[59:], PIXELS[[row] * 7])
    np.testing.assert_array_equal(found.train.labels[59:], [LABELS[row]] * 7)
    np.testing.assert_array_equal(found.train.contributors[59:], [4] * 7)
    np.testing.assert_array_equal(found.planted, before.planted)
    kept = [f"image {number:02d}" for number in np.flatnonzero(others)]
    assert found.train_names[:59] == kept


def test_image_of_a_planted_contributor_is_injected_clean() -> None:
    before = prepared(settings())
    row = int(np.flatnonzero(np.isin(before.train.contributors, before.planted))[0])
    assert (before.train.pixels[row] != PIXELS[row]).any()
    found = inject(before, settings(injected=Injected(image=row, copies=1)), Path())
    np.testing.assert_array_equal(found.train.pixels[-1], PIXELS[row])


def test_table_of_contributors_ends_with_the_injected_one() -> None:
    before = prepared(settings())
    found = inject(before, settings(injected=Injected(image=3, copies=7)), Path())
    table = found.contributors
    assert list(table["index"]) == [0, 1, 2, 3, 4]
    assert list(table["name"]) == [*before.contributors["name"], INJECTED]
    np.testing.assert_array_equal(table["size"], np.bincount(found.train.contributors))
    assert before.contributors["size"].sum() == 60  # as it was


def test_image_of_a_file_is_added_without_a_label(tmp_path: Path) -> None:
    asked = settings(injected=Injected(image=file(tmp_path), copies=3))
    before = prepared(asked)
    found = inject(before, asked, tmp_path)
    same(rows(found.train, slice(0, 60)), before.train)
    same(found.reference, before.reference)
    np.testing.assert_array_equal(found.train.pixels[60:, ..., 0], [NEW] * 3)
    np.testing.assert_array_equal(found.train.labels[60:], [-1] * 3)
    np.testing.assert_array_equal(found.train.contributors[60:], [4] * 3)
    assert found.train_names[57:] == [
        *(f"image {row}" for row in (57, 58, 59)),
        *(f"injected {copy}" for copy in range(3)),
    ]


def test_image_of_a_file_gets_the_size_and_channels_of_the_others(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (200, 200, 200)).save(tmp_path / "large.jpg")
    asked = settings(injected=Injected(image="large.jpg"))
    found = inject(prepared(asked), asked, tmp_path)
    assert found.train.pixels.shape == (100, 4, 4, 1)
    assert abs(int(found.train.pixels[-1].mean()) - 200) < 3


def test_table_of_images_keeps_an_image_without_a_label(tmp_path: Path) -> None:
    asked = settings(injected=Injected(image=file(tmp_path), copies=3))
    found = inject(prepared(asked), asked, tmp_path)
    images.to_table(found.train, "train").to_parquet(tmp_path / "train.parquet")
    same(images.from_file(tmp_path / "train.parquet"), found.train)


def test_image_that_is_its_own_contributor_closes_the_gap() -> None:
    """The planted ones keep their images."""
    asked = settings(contributors="image", injected=Injected(image=28, copies=7))
    before = prepared(asked)
    assert before.planted.min() < 28 < before.planted.max()
    found = inject(before, asked, Path())
    np.testing.assert_array_equal(found.train.contributors[:59], np.arange(59))
    np.testing.assert_array_equal(found.reference.contributors, np.arange(59))
    np.testing.assert_array_equal(found.train.contributors[59:], [59] * 7)
    names = [f"image {row:02d}" for row in range(60) if row != 28]
    assert list(found.contributors["name"]) == [*names, INJECTED]
    assert list(found.contributors["index"]) == list(range(60))
    for kind in ("train", "reference"):
        before_of, after_of = (getattr(p, kind).pixels for p in (before, found))
        np.testing.assert_array_equal(after_of[found.planted], before_of[before.planted])


def test_classes_may_be_the_contributors() -> None:
    asked = settings(contributors="label", injected=Injected(image=17, copies=7))
    found = inject(prepared(asked, list("abcdefghij")), asked, Path())
    assert list(found.contributors["name"]) == [*"abcdefghij", INJECTED]
    assert list(found.contributors["size"]) == [6, 6, 6, 6, 6, 6, 6, 5, 6, 6, 7]


def test_row_that_is_not_there_is_told() -> None:
    asked = settings(injected=Injected(image=60))
    with pytest.raises(UserError, match=r"image = 60: must be one of: image 00.* 0 to 59"):
        inject(prepared(asked), asked, Path())


def test_name_that_is_taken_is_told() -> None:
    asked = settings(contributors="label", injected=Injected(image=0))
    with pytest.raises(UserError, match=r"data\.injected: a contributor is named 'injected'"):
        inject(prepared(asked, [*"abcdefghi", INJECTED]), asked, Path())


def test_file_that_is_a_training_image_is_told(tmp_path: Path) -> None:
    """Else it stays when the injected contributor is removed."""
    Image.fromarray(PIXELS[23, ..., 0]).save(tmp_path / "old.png")
    asked = settings(injected=Injected(image="old.png"))
    with pytest.raises(UserError, match=r"'old\.png': it is training image 23 already"):
        inject(prepared(asked), asked, tmp_path)


def test_file_that_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("nothing")
    asked = settings(injected=Injected(image="a.png"))
    with pytest.raises(UserError, match=r"a\.png cannot be read as an image"):
        inject(prepared(asked), asked, tmp_path)


def test_contributor_of_nothing_else_is_told() -> None:
    asked = settings(injected=Injected(image=0))
    owners = np.array([0, 1, 1, 1])
    few = Images(PIXELS[:4], LABELS[:4], owners)
    selected = Selected(few, list("abcd"), ["ann", "bob"], few, ["x", "y"])
    alone = prepare(
        selected, asked.model_copy(update={"contributors": "subfolder"}), deal_seed=0, plant_seed=0
    )
    with pytest.raises(UserError, match=r"image = 0: contributor ann has no other image"):
        inject(alone, asked, Path())


def test_planted_image_of_its_own_is_told() -> None:
    asked = settings(contributors="image")
    before = prepared(asked)
    row = int(before.planted[0])
    chosen = asked.model_copy(update={"injected": Injected(image=row)})
    with pytest.raises(UserError, match=rf"image = {row}: it is the image of a planted"):
        inject(before, chosen, Path())
