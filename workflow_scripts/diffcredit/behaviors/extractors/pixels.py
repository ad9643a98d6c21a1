"""The pixels themselves as features."""

from __future__ import annotations

from pathlib import Path

from diffcredit.behaviors.extractor import Extractor
from diffcredit.lazy import torch


class Pixels(Extractor):
    """The flattened pixels of an image in [0, 1]."""

    batch_size = 4096

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Stay on the CPU: there are no weights, and too little work for a GPU."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, c h w) float64."""
        return images.flatten(1).double() / 255
