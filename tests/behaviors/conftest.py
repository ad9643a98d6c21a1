"""A classifier of the digits for the tests of behaviors."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from diffcredit import config
from diffcredit.behaviors import classifier
from diffcredit.data.images import Images

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Images:
    raw = load_digits()
    pixels = np.round(raw.images * 255 / 16).astype(np.uint8)[..., None]
    return Images(pixels, raw.target.astype(np.int64), np.zeros(len(pixels), dtype=np.int64))


@pytest.fixture(scope="session")
def settings() -> config.Classifier:
    return config.Classifier(channels=16, features=32, steps=300, batch_size=64)


@pytest.fixture(scope="session")
def trained(digits: Images, settings: config.Classifier) -> tuple[classifier.Classifier, float]:
    """Trained on the first 1,500 digits."""
    first = Images(digits.pixels[:1500], digits.labels[:1500], digits.contributors[:1500])
    return classifier.train(first, settings, seed=0)
