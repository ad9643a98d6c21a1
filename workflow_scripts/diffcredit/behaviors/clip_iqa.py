"""How good the samples look, to CLIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diffcredit.behaviors.image_features import unit
from diffcredit.behaviors.measure import SampleMeasure

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures

PROMPTS = ("Good photo.", "Bad photo.")
# By which CLIP multiplies cosines at the end of its training.
SCALE = 100


class ClipIqa(SampleMeasure):
    """Mean over the samples of how much likelier CLIP finds the first of two opposite prompts.

    The softmax over both of 100 times the cosine similarity (Wang et al. 2023, arXiv 2207.12396).
    The paper takes CLIP's ResNet-50 without its positional embedding, at the images' own size; here
    it is the CLIP model of the extractor, so that values compare within a run only.
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
