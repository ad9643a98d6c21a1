"""The Inception network by which FID is published, as clean-fid uses it."""

import warnings
from pathlib import Path
from typing import Any

import torch

from diffcredit.behaviors.evidence import Extractor
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

    It is a program: load no other file than the published one. The format leaves no choice.

    Raises:
        UserError: if it cannot be read, or is another network.
    """
    try:
        with warnings.catch_warnings():  # The format is on its way out, the file stays.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(place, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{place} cannot be read as a TorchScript file: {error}") from error
    if not (hasattr(network, "layers") and hasattr(network, "output")):
        raise UserError(f"{place} is not the published Inception network")
    return Inception(network, device)
