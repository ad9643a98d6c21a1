"""Inception score: whether samples are recognizable and cover the classes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Config


class InceptionScore(SampleMeasure):
    """exp E_x KL(p(y|x) || p(y)) with the extractor's probabilities (Salimans et al. 2016).

    The samples are split, in their order, into parts of equal size, and the score is the mean over
    the parts. Salimans et al. and SISS use 10 splits; Lu et al. 2025 (arXiv 2407.03153) use one.
    More splits give a lower score, since p(y) is estimated from fewer samples. The score depends on
    the network: the extractor inception has the 1,008 classes of the original Inception score, Lu
    et al. use the 1,000 classes of another Inception network, and SISS a classifier of its dataset,
    as the extractor classifier is.
    """

    needs, better = "probabilities", "higher"

    class Options(SampleMeasure.Options):
        """The number of splits."""

        splits: Count = Field(
            1,
            description="parts of the samples whose scores are averaged, 2 samples or more in "
            "each; 1 or more",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message about splits of fewer than 2 samples."""
            images = config.sampling.images
            if 2 * self.splits <= max(images, 2):
                return []
            accepted = (
                f"each needs 2 of sampling.images = {images}; accepted: 1 to {max(images // 2, 1)}"
            )
            return [problem(f"{key}.splits", self.splits, accepted)]

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 1 and the number of classes."""
        splits = self.options.splits
        p = np.clip(samples.probabilities, 1e-16, None)
        ends = [part * len(p) // splits for part in range(splits + 1)]
        parts = [p[start:end] for start, end in pairwise(ends)]
        return float(np.mean([_score(part) for part in parts]))


def _score(p: np.ndarray) -> float:
    """The Inception score of (n, classes) probabilities."""
    divergence = (p * (np.log(p) - np.log(p.mean(axis=0)))).sum(axis=1)
    return float(np.exp(divergence.mean()))
