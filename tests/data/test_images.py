"""Reading image files, and the table of images."""

import os
from pathlib import Path

import numpy as np
import pytest

from diffcredit.data.images import Images, from_file, names_to_numbers, to_table
from diffcredit.errors import UserError
from diffcredit.files import write_table


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_table_round_trip(tmp_path: Path, channels: int) -> None:
    images = Images(random_pixels(5, 6, 6, channels), np.arange(5), np.array([0, 0, 1, 2, 1]))
    table = to_table(images, "train")
    assert list(table.columns) == ["image", "label", "contributor", "split"]
    write_table(table, tmp_path / "train.parquet")
    back = from_file(tmp_path / "train.parquet")
    np.testing.assert_array_equal(back.pixels, images.pixels)
    assert back.pixels.dtype == np.uint8
    np.testing.assert_array_equal(back.labels, images.labels)
    np.testing.assert_array_equal(back.contributors, images.contributors)


def test_truncated_and_empty_tables_are_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    images = Images(random_pixels(5, 6, 6, 1), np.arange(5), np.arange(5))
    write_table(to_table(images, "train").head(0), path)
    with pytest.raises(UserError, match=r"train\.parquet holds no images"):
        from_file(path)
    write_table(to_table(images, "train"), path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(UserError, match=r"train\.parquet cannot be read"):
        from_file(path)


def test_image_that_is_broken_within_the_table_is_told(tmp_path: Path) -> None:
    images = Images(random_pixels(3, 16, 16, 1), np.arange(3), np.arange(3))
    table = to_table(images, "train")
    encoded = table["image"][1]
    for kept in range(0, len(encoded) - 24, 7):  # the last 24 bytes hold no pixels
        table["image"] = [table["image"][0], encoded[:kept], table["image"][2]]
        write_table(table, tmp_path / "train.parquet")
        with pytest.raises(UserError, match=r"train\.parquet holds an image that cannot"):
            from_file(tmp_path / "train.parquet")


def test_names_are_numbered_in_their_order() -> None:
    names, numbers = names_to_numbers(["b", "a", "c", "a"])
    assert names == ["a", "b", "c"]
    assert [names[number] for number in numbers] == ["b", "a", "c", "a"]
