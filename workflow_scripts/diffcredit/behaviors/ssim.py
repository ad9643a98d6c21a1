"""Structural similarity of an image to the full model's image from the same noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diffcredit.behaviors.measure import PairMeasure
from diffcredit.config.messages import problem
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Config

#: Side in pixels of the smallest images that each window fits in.
WINDOWS = {"gaussian": 6, "uniform": 7}
# Constants of Wang et al. 2004 for pixels in [0, 1].
C1, C2 = 0.01**2, 0.03**2


class Ssim(PairMeasure):
    """Structural similarity (Wang et al. 2004), a value for each of the first initial noises.

    The mean over the pixels of (2 m1 m2 + C1) (2 s12 + C2) / ((m1^2 + m2^2 + C1) (v1 + v2 + C2))
    with the means, variances and the covariance of both images in a window around the pixel. The
    window "gaussian" has weights of standard deviation 1.5 over 11x11 pixels as in the paper, with
    images continued by their mirror. The window "uniform" has 7x7 pixels that lie within the image,
    with unbiased variances, which is scikit-image's default and what the code of Lu et al. 2025
    (arXiv 2407.03153) reports.
    """

    needs, better = None, "higher"

    class Options(PairMeasure.Options):
        """The number of samples, and the window."""

        window: Literal["gaussian", "uniform"] = Field(
            "gaussian",
            description="gaussian (sd 1.5, 11x11 pixels: the paper's) or uniform (7x7: "
            "scikit-image's)",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message about images that are smaller than the window."""
            least, side = WINDOWS[self.window], config.data.image_size
            if side >= least:
                return []
            fitting = [name for name, needed in WINDOWS.items() if side >= needed]
            accepted = f"needs images of {least} pixels or more; data.image_size = {side}"
            others = "mse, nrmse or similarity take them"
            hint = f"window: {fitting[0]} takes them" if fitting else others
            return [problem(f"{key}.window", self.window, accepted, hint)]

    def prepare(self, full: ImageFeatures) -> None:
        """Take the pixels of the full model's images."""
        self.full = full.images[: self.options.queries].double() / 255

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) between -1 and 1."""
        drawn = samples.images[: len(self.full)].double() / 255
        if self.options.window == "uniform":
            return uniform(drawn, self.full).numpy()
        from torchmetrics.functional.image import structural_similarity_index_measure

        found = structural_similarity_index_measure(
            drawn, self.full, data_range=1.0, reduction="none"
        )
        return np.asarray(found)


def uniform(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(n,) structural similarity of (n, c, h, w) images in [0, 1], with uniform windows."""
    side = WINDOWS["uniform"]
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
