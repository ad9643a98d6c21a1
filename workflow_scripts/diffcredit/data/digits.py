"""scikit-learn's handwritten digits: 1,797 real 8x8 images that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffcredit.data.dataset import Dataset

if TYPE_CHECKING:
    from diffcredit.config.data import Data
    from diffcredit.data.images import ReadImages

#: Names of the ten classes of digits.
DIGITS = tuple(f"digit {digit}" for digit in range(10))


class Digits(Dataset):
    """The digits, gray, in [0, 255]; contributors are dealt later, or are the ten classes."""

    channels = 1
    classes = DIGITS
    sizes = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
    side = 8
    contributors = 12
    planted = 3
    demonstration = True

    def read(self, settings: Data, base: Path) -> ReadImages:
        """See `Dataset.read`."""
        from sklearn.datasets import load_digits

        from diffcredit.data.images import of_classes, resized

        raw = load_digits()
        pixels = np.round(raw.images * (255 / 16)).astype(np.uint8)[..., None]
        return of_classes(
            resized(pixels, settings.image_size),
            raw.target.astype(np.int64),
            list(self.classes),
            owned=settings.contributors == "label",
        )
