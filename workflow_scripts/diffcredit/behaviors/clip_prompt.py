"""How well the samples fit a text."""

from diffcredit.behaviors.evidence import Evidence, unit
from diffcredit.behaviors.summary import mean_or_quantile


class ClipPrompt:
    """Cosine similarity of the embeddings of the samples and of the prompt: mean or quantile.

    This is the CLIP prompt score of Lu et al. 2025 (arXiv 2407.03153), whose code reports the mean
    and the quantiles 0.5, 0.75 and 0.9. CLIPScore is 2.5 times the same (Hessel et al. 2021, arXiv
    2104.08718) or, in torchmetrics, 100 times, with 0 for the negative ones. Neither changes a rank
    where all are positive.

    Args:
        reference: its extractor embeds the prompt.
        prompt: a text.
        quantile: over the samples; None for the mean.
    """

    def __init__(self, reference: Evidence, prompt: str, quantile: float | None = None):
        text = reference.extractor.embed_text(prompt)
        self.direction = unit(text.double().cpu().numpy())[0]
        self.quantile = quantile

    def __call__(self, samples: Evidence) -> float:
        """Between -1 and 1."""
        return mean_or_quantile(samples.directions @ self.direction, self.quantile)
