"""What measures see of a set of images: the images, and what an extractor makes of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from diffcredit.config import Behavior
from diffcredit.registry import EXTRACTORS, load


class Extractor(ABC):
    """Turns images into features; which other things it gives says its line in the registry.

    Attributes:
        device: "cpu" or "cuda", where its weights are.
        batch_size: images at a time.
    """

    def __init__(self, device: str, batch_size: int):
        self.device = device
        self.batch_size = batch_size

    @abstractmethod
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d) features of (n, c, h, w) uint8 images on the device; c is 1 or 3."""

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, k) logits of classes from features of its own."""
        raise NotImplementedError(f"{type(self).__name__} knows no classes")

    def embed_text(self, text: str) -> torch.Tensor:
        """(1, d) features of a text, comparable with those of images."""
        raise NotImplementedError(f"{type(self).__name__} reads no texts")


def places_seen(
    places: Mapping[str, Sequence[str]], behaviors: Mapping[str, Behavior]
) -> dict[str, Sequence[str]]:
    """Those of the extractors that behaviors see images through."""
    seen = {behavior.sees for behavior in behaviors.values()}
    return {name: place for name, place in places.items() if name in seen}


def load_extractors(places: Mapping[str, Sequence[str]], device: str) -> dict[str, Extractor]:
    """Name -> extractor, given the kind of each in the registry and the path of its weights."""
    return {
        name: load(EXTRACTORS, kind)(Path(place), device) for name, (kind, place) in places.items()
    }


@dataclass(frozen=True)
class Evidence:
    """A set of images as the measures see it; features are computed when one asks for them.

    Attributes:
        images: (n, c, h, w) uint8.
        extractor: what makes features of them.
    """

    images: torch.Tensor
    extractor: Extractor

    @cached_property
    def features(self) -> np.ndarray:
        """(n, d) float64."""
        parts = self.images.split(self.extractor.batch_size)
        with torch.inference_mode():
            found = [self.extractor.embed(part.to(self.extractor.device)).cpu() for part in parts]
        return torch.cat(found).double().numpy()

    @cached_property
    def directions(self) -> np.ndarray:
        """(n, d) float64, the features divided by their length."""
        return unit(self.features)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(n, k) float64 of the k classes; rows sum to 1."""
        features = torch.from_numpy(self.features).float().to(self.extractor.device)
        with torch.inference_mode():
            logits = self.extractor.logits(features)
        return torch.softmax(logits.double(), dim=1).cpu().numpy()

    def first(self, count: int) -> "Evidence":
        """Of the first images alone."""
        return Evidence(self.images[:count], self.extractor)


def unit(features: np.ndarray) -> np.ndarray:
    """Rows divided by their Euclidean length; rows of zeros stay."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, np.finfo(lengths.dtype).tiny)
