"""Detection of models that generate noise instead of images."""

from collections.abc import Iterable

import numpy as np
import torch

#: Images of each model that are examined.
IMAGES = 64
#: Minimum correlation of neighboring pixels in real images for noise to be detectable.
SMOOTH = 0.2
#: Fraction of the models that may generate noise without a warning, such as models of coalitions
#: with few or noisy images (the planted contributors of the demonstration).
FEW = 0.25


def neighbor_correlation(images: torch.Tensor) -> float:
    """Correlation of pixels with their right and lower neighbors, over several images.

    Args:
        images: (n, c, h, w) uint8.

    Returns:
        About 0 for noise, near 1 for smooth images; NaN if every image has a single color.
    """
    pixels = images.double()
    centered = pixels - pixels.mean(dim=(2, 3), keepdim=True)
    products, squares = 0.0, 0.0
    for axis in (2, 3):
        size = centered.shape[axis] - 1
        first, second = centered.narrow(axis, 0, size), centered.narrow(axis, 1, size)
        products += float((first * second).sum())
        squares += float((first.square().sum() + second.square().sum()) / 2)
    return products / squares if squares > 0 else np.nan


def noise_doubt(samples: Iterable[torch.Tensor], reference: torch.Tensor) -> str | None:
    """A warning about models that generate noise or blank images; None if they are few.

    Args:
        samples: (n, c, h, w) uint8 samples of each model.
        reference: (n, c, h, w) uint8 real images.
    """
    real = neighbor_correlation(reference[:IMAGES])
    drawn = [neighbor_correlation(images[:IMAGES]) for images in samples]
    noise = sum(found < real / 2 for found in drawn) if real > SMOOTH else 0
    if noise <= FEW * len(drawn):
        noise = 0
    blank = sum(np.isnan(found) for found in drawn)
    told = [
        f"{count} of {len(drawn)} models draw {what}"
        for count, what in ((noise, "images that look like noise"), (blank, "blank images"))
        if count
    ]
    if not told:
        return None
    return f"{' and '.join(told)}: what they are measured by says little of the data"
