"""How similar an image is in structure to the full model's image from the same noise."""

from typing import Literal

import numpy as np
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from diffcredit.behaviors.evidence import Evidence
from diffcredit.config.behaviors import SSIM_WINDOWS

# Constants of Wang et al. 2004 for pixels in [0, 1].
C1, C2 = 0.01**2, 0.03**2


class Ssim:
    """Structural similarity (Wang et al. 2004), a value for each of the first initial noises.

    The mean over the pixels of (2 m1 m2 + C1) (2 s12 + C2) / ((m1^2 + m2^2 + C1) (v1 + v2 + C2))
    with the means, variances and the covariance of both images in a window around the pixel.

    Args:
        full: images of the full model.
        queries: how many of them are compared.
        window: "gaussian", weights of standard deviation 1.5 over 11x11 pixels as in the paper,
            with images continued by their mirror; or "uniform", 7x7 pixels that lie within the
            image, with unbiased variances, which is scikit-image's default and what the code of
            Lu et al. 2025 (arXiv 2407.03153) reports.
    """

    def __init__(
        self, full: Evidence, queries: int, window: Literal["gaussian", "uniform"] = "gaussian"
    ):
        self.full = full.images[:queries].double() / 255
        self.window = window

    def __call__(self, samples: Evidence) -> np.ndarray:
        """(queries,) between -1 and 1."""
        drawn = samples.images[: len(self.full)].double() / 255
        if self.window == "uniform":
            return uniform(drawn, self.full).numpy()
        found = structural_similarity_index_measure(
            drawn, self.full, data_range=1.0, reduction="none"
        )
        return np.asarray(found)


def uniform(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(n,) structural similarity of (n, c, h, w) images in [0, 1], windows of equal weights."""
    side = SSIM_WINDOWS["uniform"]
    unbiased = side**2 / (side**2 - 1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(values, side, stride=1)

    m1, m2 = mean(first), mean(second)
    v1 = unbiased * (mean(first * first) - m1 * m1)
    v2 = unbiased * (mean(second * second) - m2 * m2)
    covariance = unbiased * (mean(first * second) - m1 * m2)
    luminance = (2 * m1 * m2 + C1) / (m1 * m1 + m2 * m2 + C1)
    structure = (2 * covariance + C2) / (v1 + v2 + C2)
    return (luminance * structure).flatten(1).mean(1)
