"""The pixels themselves as features."""

from pathlib import Path

import torch

from diffcredit.behaviors.evidence import Extractor


class Pixels(Extractor):
    """All values of an image in [0, 1], in a row."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, c h w) float64."""
        return images.flatten(1).double() / 255


def load(place: Path | None = None, device: str = "cpu") -> Pixels:
    """It has no weights, and nothing to compute that would be worth a GPU."""
    return Pixels("cpu", batch_size=4096)
