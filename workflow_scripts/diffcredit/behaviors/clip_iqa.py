"""Image quality of the samples, as judged by CLIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.image_features import unit
from diffcredit.behaviors.measure import SampleMeasure

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures

PROMPTS = ("Good photo.", "Bad photo.")
# The factor by which trained CLIP multiplies cosines.
SCALE = 100


class ClipIqa(SampleMeasure):
    """CLIP-IQA: mean probability of the first of two opposite prompts over the samples.

    The probability is the softmax over both prompts of 100 times the cosine similarity (Wang et al.
    2023, arXiv 2207.12396). The paper uses CLIP's ResNet-50 without its positional embedding, at
    the images' own size. Here the CLIP model is that of the extractor, so values are comparable
    only within a run.
    """

    needs, better = "texts", "higher"

    def prepare(self, reference: ImageFeatures) -> None:
        """Embed the prompts."""
        texts = [reference.extractor.embed_text(prompt)[0] for prompt in PROMPTS]
        self.directions = unit(np.stack([text.double().cpu().numpy() for text in texts]))

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 0 and 1."""
        good, bad = SCALE * (samples.directions @ self.directions.T).T
        return float(np.exp(-np.logaddexp(0, bad - good)).mean())
