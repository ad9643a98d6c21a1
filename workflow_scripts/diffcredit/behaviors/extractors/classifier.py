"""The features and classes of the dataset's own small classifier."""

from pathlib import Path

import torch

from diffcredit.behaviors import classifier
from diffcredit.behaviors.evidence import Extractor


class ClassifierFeatures(Extractor):
    """The last hidden layer of a classifier, and what it takes images for."""

    def __init__(self, network: classifier.Classifier, device: str):
        super().__init__(device, batch_size=1024)
        self.network = network.to(device).eval()

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d) values of the hidden layer."""
        return self.network.hidden(classifier.normalized(images))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, classes)."""
        return self.network.output(features)


def load(place: Path, device: str) -> ClassifierFeatures:
    """The classifier that the workflow has trained."""
    return ClassifierFeatures(classifier.load(place), device)
