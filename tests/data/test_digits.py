"""The digits that come with scikit-learn."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from diffcredit.config import Data
from diffcredit.data.digits import Digits


def test_pixels_are_those_of_the_package_on_256_gray_levels() -> None:
    found = Digits().read(Data(), Path()).images
    raw = load_digits()
    assert found.pixels.shape == (1797, 8, 8, 1)
    assert found.pixels.dtype == np.uint8
    np.testing.assert_allclose(found.pixels[..., 0] / 255, raw.images / 16, atol=0.5 / 255)
    np.testing.assert_array_equal(found.labels, raw.target)


def test_digits_to_be_dealt_belong_to_nobody_yet() -> None:
    dataset = Digits().read(Data(contributors=12), Path())
    assert (dataset.images.contributors == -1).all()
    assert dataset.contributor_names == []


def test_digits_by_label_have_ten_contributors() -> None:
    dataset = Digits().read(Data(contributors="label"), Path())
    np.testing.assert_array_equal(dataset.images.contributors, dataset.images.labels)
    assert len(dataset.contributor_names) == 10


def test_digits_of_another_size_look_the_same() -> None:
    small, large = (Digits().read(Data(image_size=size), Path()).images.pixels for size in (8, 16))
    assert large.shape == (1797, 16, 16, 1)
    back = large.reshape(1797, 8, 2, 8, 2, 1).astype(float).mean(axis=(2, 4))
    assert np.corrcoef(back.ravel(), small.ravel())[0, 1] > 0.95
