"""Between stored pixels (0..255) and what networks see ([-1, 1])."""

import torch


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """[-1, 1] to 0..255; values beyond are clipped."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_uint8(images: torch.Tensor) -> torch.Tensor:
    """0..255 to float32 in [-1, 1]."""
    return images.to(torch.float32) / 127.5 - 1
