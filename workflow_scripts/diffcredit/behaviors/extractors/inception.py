"""The Inception network by which FID is published, as clean-fid uses it."""

from pathlib import Path
from typing import Any

import torch

from diffcredit.behaviors.evidence import Extractor
from diffcredit.behaviors.extractors import torchscript
from diffcredit.behaviors.extractors.resizing import in_color, resize
from diffcredit.errors import UserError

SIDE = 299


class Inception(Extractor):
    """2,048 pooled features of cleanly resized images, and 1,008 classes.

    The published network is a TorchScript program with ``layers`` and ``output``. As in the first
    Inception score, the classes leave out the bias of the last layer.
    """

    def __init__(self, network: Any, device: str):
        super().__init__(device, batch_size=64)
        self.network = network.to(device).eval()

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 2048)."""
        scaled = (resize(in_color(images), SIDE) - 128) / 128
        return self.network.layers(scaled).flatten(1)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 1008)."""
        return features @ self.network.output.weight.T


def load(place: Path, device: str) -> Inception:
    """Read the TorchScript file.

    Raises:
        UserError: if it cannot be read, or is another network.
    """
    network = torchscript.read(place)
    if not (hasattr(network, "layers") and hasattr(network, "output")):
        raise UserError(f"{place} is not the published Inception network")
    return Inception(network, device)
