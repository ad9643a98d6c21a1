"""SSCD: descriptors by which copies of an image are found (Pizzi et al. 2022, arXiv 2202.10261)."""

from pathlib import Path
from typing import Any

import torch
from torchvision.transforms.v2 import functional

from diffcredit.behaviors.evidence import Extractor
from diffcredit.behaviors.extractors import torchscript
from diffcredit.behaviors.extractors.resizing import in_color
from diffcredit.errors import UserError

SIDE = 288
# Mean and standard deviation of the pixels of ImageNet, channel by channel.
MEAN = [0.485, 0.456, 0.406]
DEVIATION = [0.229, 0.224, 0.225]


class Sscd(Extractor):
    """The descriptors as they come: 512 numbers of length 1 from the published network.

    Of pairs of images whose cosine is above 0.75 nine in ten are copies. Images are prepared as by
    the authors: bilinearly resized with antialiasing, rounded to whole pixel values.
    """

    def __init__(self, network: Any, device: str):
        super().__init__(device, batch_size=64)
        self.network = network.to(device).eval()

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d)."""
        resized = functional.resize(in_color(images), [SIDE, SIDE], antialias=True)
        return self.network(functional.normalize(resized / 255, MEAN, DEVIATION))


def load(place: Path, device: str) -> Sscd:
    """Read the TorchScript file.

    Raises:
        UserError: if it cannot be read, or makes no descriptor of an image.
    """
    extractor = Sscd(torchscript.read(place), device)
    try:
        with torch.inference_mode():
            found = extractor.embed(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8).to(device))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{place} is not the published SSCD network: {reason}") from error
    if not (isinstance(found, torch.Tensor) and found.ndim == 2):
        raise UserError(f"{place} is not the published SSCD network: it makes no descriptors")
    return extractor
