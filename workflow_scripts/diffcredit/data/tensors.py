"""Tables of images as tensors."""

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
