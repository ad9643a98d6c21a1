"""A classifier of the digits, and image features without a network, for the tests of behaviors."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from diffcredit import config
from diffcredit.behaviors import classifier
from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.image_features import ImageFeatures
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
def trained(
    digits: Images, settings: config.Classifier
) -> tuple[classifier.ClassifierNetwork, float]:
    """Trained on the first 1,500 digits."""
    first = Images(digits.pixels[:1500], digits.labels[:1500], digits.contributors[:1500])
    return classifier.train(first, settings, seed=0)


@pytest.fixture(scope="session")
def extractor(trained: tuple[classifier.ClassifierNetwork, float]) -> ClassifierFeatures:
    return ClassifierFeatures.of_network(trained[0], "cpu")


class Given(Extractor):
    """Features, and logits, that a test has thought of."""

    def __init__(self, features: np.ndarray, probabilities: np.ndarray | None = None):
        super().__init__()
        self.batch_size = len(features)
        self.known = torch.from_numpy(np.asarray(features, dtype=np.float64))
        self.probabilities = probabilities

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """The given features."""
        return self.known[: len(images)]

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Whose softmax the given probabilities are."""
        assert self.probabilities is not None
        return torch.from_numpy(self.probabilities).double().log()


def given_features(
    features: np.ndarray | None = None, probabilities: np.ndarray | None = None
) -> ImageFeatures:
    known = np.zeros((len(probabilities), 2)) if features is None else features
    images = torch.zeros(len(known), 1, 2, 2, dtype=torch.uint8)
    return ImageFeatures(images, Given(known, probabilities))


@pytest.fixture(scope="session")
def image_features() -> Callable[..., ImageFeatures]:
    """Makes image features of given features or probabilities."""
    return given_features
