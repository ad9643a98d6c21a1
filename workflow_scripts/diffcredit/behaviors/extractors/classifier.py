"""The features and classes of the dataset's own small classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from diffcredit.behaviors.extractor import Extractor
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.behaviors.classifier import ClassifierNetwork


class ClassifierFeatures(Extractor):
    """The last hidden layer of a classifier, and its class probabilities."""

    gives = ("features", "probabilities")
    batch_size = 1024
    trained_by_run = True

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read the classifier that the workflow has trained."""
        from diffcredit.behaviors import classifier

        assert place is not None
        self._use(classifier.load(place), device)

    @classmethod
    def of_network(cls, network: ClassifierNetwork, device: str) -> Self:
        """An extractor of a classifier that is in memory."""
        made = cls.__new__(cls)
        made.options = cls.Options(kind="classifier")
        made._use(network, device)
        return made

    def _use(self, network: ClassifierNetwork, device: str) -> None:
        self.network, self.device = network.to(device).eval(), device

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d) values of the hidden layer."""
        from diffcredit.behaviors.classifier import normalized

        return self.network.hidden(normalized(images))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, classes)."""
        return self.network.output(features)
