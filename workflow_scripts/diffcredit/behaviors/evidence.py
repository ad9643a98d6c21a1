"""What measures see of a set of images: the images, their features and predicted classes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffcredit.behaviors.classifier import Classifier


@dataclass(frozen=True)
class Evidence:
    """A set of images as the measures see it.

    Attributes:
        images: (n, c, h, w) uint8.
        features: (n, d) float64, of the classifier's last hidden layer.
        probabilities: (n, k) float64 of the k classes; rows sum to 1.
    """

    images: torch.Tensor
    features: np.ndarray
    probabilities: np.ndarray


def collect(images: torch.Tensor, classifier: Classifier, device: str) -> Evidence:
    """Run the classifier over (n, c, h, w) uint8 images."""
    features, logits = classifier.to(device).describe(images.to(device))
    probabilities = torch.softmax(logits.double(), dim=1)
    return Evidence(images, features.double().cpu().numpy(), probabilities.cpu().numpy())


def shard_files(samples: Path) -> list[Path]:
    """The files of a shard's samples, in the order of their coalitions."""
    return sorted(samples.glob("*.safetensors"))
