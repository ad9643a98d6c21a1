"""A set of images together with their features by an extractor, the input of measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from diffcredit.behaviors.extractor import Extractor, ExtractorOptions
from diffcredit.config.options import Registered
from diffcredit.lazy import torch
from diffcredit.registry import EXTRACTORS

if TYPE_CHECKING:
    from diffcredit.config import Behavior


def places_seen(
    places: Mapping[str, Sequence[Any]], behaviors: Mapping[str, Behavior]
) -> dict[str, Sequence[Any]]:
    """The entries of the extractors that behaviors use."""
    seen = {behavior.sees for behavior in behaviors.values()}
    return {name: place for name, place in places.items() if name in seen}


def load_extractors(places: Mapping[str, Sequence[Any]], device: str) -> dict[str, Extractor]:
    """Name -> extractor, given the options of each as plain values and the path of its weights."""
    return {name: _load(options, Path(place), device) for name, (options, place) in places.items()}


def _load(given: Mapping[str, Any], place: Path, device: str) -> Extractor:
    options = cast(ExtractorOptions, Registered(EXTRACTORS, tag="kind").validate(given))
    return EXTRACTORS[options.kind].of(options, place, device)


@dataclass(frozen=True)
class ImageFeatures:
    """A set of images with features that are computed on first access.

    Attributes:
        images: (n, c, h, w) uint8.
        extractor: computes the features.
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

    def first(self, count: int) -> ImageFeatures:
        """The first images, with their features."""
        return ImageFeatures(self.images[:count], self.extractor)


def unit(features: np.ndarray) -> np.ndarray:
    """Rows divided by their Euclidean length; zero rows are not changed."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, np.finfo(lengths.dtype).tiny)
