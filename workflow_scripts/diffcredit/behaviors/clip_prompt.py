"""Similarity of the samples to a text prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from diffcredit.behaviors.image_features import unit
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.behaviors.summary import QUANTILE, mean_or_quantile
from diffcredit.config.sections import Fraction

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures


class ClipPrompt(SampleMeasure):
    """Cosine similarity of the embeddings of the samples and of the prompt: mean or quantile.

    This is the CLIP prompt score of Lu et al. 2025 (arXiv 2407.03153), whose code reports the mean
    and the quantiles 0.5, 0.75 and 0.9. CLIPScore is 2.5 times this value (Hessel et al. 2021,
    arXiv 2104.08718), or 100 times in torchmetrics, with negative values set to 0. Neither changes
    the ranks of positive values.
    """

    needs, better = "texts", "higher"

    class Options(SampleMeasure.Options):
        """The text, and how the similarities of the samples are summarized."""

        prompt: Annotated[str, Field(min_length=1)] = Field(
            description="a text of 1 letter or more"
        )
        quantile: Fraction | None = QUANTILE

    def prepare(self, reference: ImageFeatures) -> None:
        """Embed the prompt."""
        text = reference.extractor.embed_text(self.options.prompt)
        self.direction = unit(text.double().cpu().numpy())[0]

    def __call__(self, samples: ImageFeatures) -> float:
        """Between -1 and 1."""
        return mean_or_quantile(samples.directions @ self.direction, self.options.quantile)
