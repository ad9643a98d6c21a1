"""scikit-learn's handwritten digits: 1,797 real 8x8 images that come with the package."""

from pathlib import Path

import numpy as np
from PIL import Image

from diffcredit.config import Data
from diffcredit.data.images import Dataset, Images


def read(settings: Data, base: Path) -> Dataset:
    """The digits, gray, in [0, 255]; contributors are dealt later or are the ten classes."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = np.round(raw.images * (255 / 16)).astype(np.uint8)
    if settings.image_size != pixels.shape[1]:
        side = (settings.image_size, settings.image_size)
        pixels = np.stack(
            [np.asarray(Image.fromarray(p).resize(side, Image.Resampling.LANCZOS)) for p in pixels]
        )
    labels = raw.target.astype(np.int64)
    if settings.contributors == "label":
        return Dataset(Images(pixels[..., None], labels, labels), [f"digit {d}" for d in range(10)])
    nobody = np.full(len(labels), -1)
    return Dataset(Images(pixels[..., None], labels, nobody), [])
