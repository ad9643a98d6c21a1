"""Conversion of images for published networks: color, at the size they were trained on."""

from __future__ import annotations

from diffcredit.lazy import torch


def in_color(images: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) images of (n, c, h, w) ones; gray images get three equal channels."""
    return images.expand(-1, 3, -1, -1)


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Resize bicubically with antialiasing, as Pillow does: clean-fid's "clean" resizing.

    Args:
        images: (n, c, h, w) uint8.
        side: of the result in pixels.

    Returns:
        (n, c, side, side) float32 in [0, 255], not rounded (Parmar et al. 2022, arXiv 2104.11222).
    """
    size = (side, side)
    resized = torch.nn.functional.interpolate(images.float(), size, mode="bicubic", antialias=True)
    return resized.clamp(0, 255)
