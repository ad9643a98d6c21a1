"""Between stored pixels (0..255) and what networks see ([-1, 1])."""

from pathlib import Path

import numpy as np
import torch

from diffcredit.data import images


def channels_first(pixels: np.ndarray) -> torch.Tensor:
    """(n, c, h, w) from stored (n, h, w, c)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def read(table: str | Path) -> torch.Tensor:
    """(n, c, h, w) uint8 of a table of images, or `UserError` where it is broken."""
    return channels_first(images.from_file(table).pixels)


def to_uint8(normalized: torch.Tensor) -> torch.Tensor:
    """[-1, 1] to 0..255; values beyond are clipped."""
    return ((normalized.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_uint8(stored: torch.Tensor) -> torch.Tensor:
    """0..255 to float32 in [-1, 1]."""
    return stored.to(torch.float32) / 127.5 - 1
