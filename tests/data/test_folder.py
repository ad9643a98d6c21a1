"""One's own folder of images: subfolders, CSV tables, and what may be wrong with them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffcredit.config import CsvContributors, Data
from diffcredit.data import folder
from diffcredit.data.images import Dataset
from diffcredit.errors import UserError

#: File -> gray level.
FILES = {"ann/1.png": 10, "ann/more/2.JPG": 20, "bob/1.png": 30, "cid/x.png": 40, "cid/y.png": 50}
COLUMN = CsvContributors(csv="owners.csv", column="owner")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    place = tmp_path / "images"
    for name, level in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((8, 8), level, dtype=np.uint8)
        Image.fromarray(pixels).save(place / name, quality=100)
    (place / "ann" / "notes.txt").write_text("no image")
    return place


def read(images: Path, contributors: object = "subfolder") -> Dataset:
    settings = Data(
        source="folder", path="images", image_size=8, channels=1, contributors=contributors
    )
    return folder.read(settings, images.parent)


def csv(images: Path, text: str) -> None:
    (images / "owners.csv").write_text(text)


def levels(dataset: Dataset) -> list[int]:
    return [int(pixels.mean().round()) for pixels in dataset.images.pixels]


def test_each_subfolder_is_a_contributor(images: Path) -> None:
    dataset = read(images)
    assert dataset.contributor_names == ["ann", "bob", "cid"]
    assert levels(dataset) == [10, 20, 30, 40, 50]
    assert dataset.files == sorted(FILES)
    assert list(dataset.images.contributors) == [0, 0, 1, 2, 2]
    np.testing.assert_array_equal(dataset.images.labels, dataset.images.contributors)
    assert dataset.images.pixels.shape == (5, 8, 8, 1)


def test_dealt_images_keep_their_subfolder_as_label(images: Path) -> None:
    dataset = read(images, 2)
    assert list(dataset.images.labels) == [0, 0, 1, 2, 2]
    assert (dataset.images.contributors == -1).all()
    assert dataset.contributor_names == []


def test_column_of_a_table_names_the_contributors(images: Path) -> None:
    """Images that the table does not list are not used; names stay texts."""
    csv(images, "file,owner,year\ncid/x.png,007,1880\nann/1.png,NA,1890\ncid/y.png,007,1870\n")
    dataset = read(images, COLUMN)
    assert dataset.contributor_names == ["007", "NA"]
    assert levels(dataset) == [40, 10, 50]
    assert dataset.files == ["cid/x.png", "ann/1.png", "cid/y.png"]
    assert list(dataset.images.contributors) == [0, 1, 0]


def test_images_keep_the_names_that_the_table_gives_them(images: Path) -> None:
    (images / "link.png").symlink_to(images / "cid" / "x.png")
    csv(images, "file,owner\nlink.png,ann\n./bob/../cid/x.png,bob\n")
    assert read(images, COLUMN).files == ["link.png", "cid/x.png"]


def test_column_of_the_path_may_have_another_name(images: Path) -> None:
    csv(images, "owner,picture\nann,ann/1.png\n")
    source = CsvContributors(csv="owners.csv", column="owner", file="picture")
    assert levels(read(images, source)) == [10]


def test_unreadable_and_truncated_images_are_told_by_name(images: Path) -> None:
    path = images / "bob" / "1.png"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(UserError, match=r"bob/1\.png cannot be read"):
        read(images)


def test_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "images" / "ann").mkdir(parents=True)
    (tmp_path / "images" / "loose.png").write_bytes(b"")
    with pytest.raises(UserError, match="has no images in subfolders"):
        read(tmp_path / "images")


def test_table_without_the_column_is_told_with_those_it_has(images: Path) -> None:
    csv(images, "file,artist\nann/1.png,ann\n")
    with pytest.raises(UserError, match=r"column = 'owner': .*owners\.csv.*\n.*file, artist"):
        read(images, COLUMN)
    csv(images, "path,owner\nann/1.png,ann\n")
    with pytest.raises(UserError, match=r"contributors\.file = 'file': .*owners\.csv"):
        read(images, COLUMN)


@pytest.mark.parametrize("name", ["../secret.png", "ann/../../secret.png", "/etc/hostname", ".."])
def test_path_that_leaves_the_folder_is_refused(images: Path, name: str) -> None:
    Image.new("L", (8, 8)).save(images.parent / "secret.png")
    csv(images, f"file,owner\nann/1.png,ann\n{name},eve\n")
    with pytest.raises(UserError, match=r"owners\.csv names .*outside data\.path"):
        read(images, COLUMN)


def test_link_that_leaves_the_folder_is_refused(images: Path) -> None:
    Image.new("L", (8, 8)).save(images.parent / "secret.png")
    (images / "link.png").symlink_to("../secret.png")
    csv(images, "file,owner\nlink.png,eve\n")
    with pytest.raises(UserError, match=r"owners\.csv names 'link\.png'.*outside"):
        read(images, COLUMN)


@pytest.mark.parametrize("name", ["ann/3.png", "ann", ""])
def test_file_that_is_missing_is_told_with_the_table(images: Path, name: str) -> None:
    csv(images, f"file,owner\nann/1.png,ann\n{name},bob\n")
    with pytest.raises(UserError, match=rf"owners\.csv names '{name}', which does not exist"):
        read(images, COLUMN)


def test_image_without_a_contributor_is_told(images: Path) -> None:
    csv(images, "file,owner\nann/1.png,ann\nbob/1.png,\n")
    with pytest.raises(UserError, match=r"1 images have no contributor, first: bob/1\.png"):
        read(images, COLUMN)


@pytest.mark.parametrize("text", ["", "file,owner\n", 'file,owner\n"ann/1.png,ann\n'])
def test_empty_and_broken_tables_are_told_by_name(images: Path, text: str) -> None:
    csv(images, text)
    with pytest.raises(UserError, match=r"owners\.csv"):
        read(images, COLUMN)


def test_table_that_is_no_text_is_told_by_name(images: Path) -> None:
    (images / "owners.csv").write_bytes(b"file,owner\n\xff\xfe\x00\x81,x\n")
    with pytest.raises(UserError, match=r"owners\.csv cannot be read as a CSV table"):
        read(images, COLUMN)
    (images / "owners.csv").unlink()
    with pytest.raises(UserError, match=r"owners\.csv cannot be read as a CSV table"):
        read(images, COLUMN)


def test_image_that_the_table_names_twice_is_told(images: Path) -> None:
    """Else it is trained on twice and belongs to two contributors."""
    csv(images, "file,owner\nann/1.png,ann\nbob/1.png,bob\nann/1.png,eve\n")
    with pytest.raises(UserError, match=r"ann/1\.png"):
        read(images, COLUMN)
