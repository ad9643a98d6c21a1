"""Summaries of the scores of a model's samples."""

import numpy as np
from pydantic import Field

#: The option of measures whose value is the mean or a quantile over the samples.
QUANTILE = Field(None, description="above 0 and below 1, as 0.9; null: the mean over the samples")


def mean_or_quantile(scores: np.ndarray, quantile: float | None) -> float:
    """Summary of (n,) scores of samples.

    Args:
        scores: one for each sample.
        quantile: between 0 and 1, with linear interpolation between samples; None for the mean.
    """
    return float(scores.mean() if quantile is None else np.quantile(scores, quantile))
