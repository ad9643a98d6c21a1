"""Aesthetic score: what a linear head on CLIP embeddings thinks of the samples."""

from pathlib import Path

import numpy as np
import torch

from diffcredit.behaviors.evidence import Evidence
from diffcredit.behaviors.summary import mean_or_quantile
from diffcredit.config import weights
from diffcredit.errors import UserError
from diffcredit.files import read_tensors


class Aesthetic:
    """Mean or quantile over the samples of w.x + b, x a CLIP embedding of length 1.

    The published head was fitted to people's ratings from 1 to 10 (LAION's aesthetic predictor). Lu
    et al. 2025 (arXiv 2407.03153) report the mean and the quantiles 0.5, 0.75 and 0.9, between
    samples by linear interpolation as here.
    """

    def __init__(self, reference: Evidence, head: str | None = None, quantile: float | None = None):
        self.head = weights.head(head)
        self.weight, self.bias = read_head(self.head)
        self.quantile = quantile

    def __call__(self, samples: Evidence) -> float:
        """About 1 to 10.

        Raises:
            UserError: if the head is for embeddings of another size.
        """
        embeddings = samples.directions
        if embeddings.shape[1] != len(self.weight):
            raise UserError(
                f"{self.head} is a head for embeddings of {len(self.weight)} numbers; "
                f"the extractor gives {embeddings.shape[1]}\n"
                "    Hint: heads and CLIP models come in pairs"
            )
        return mean_or_quantile(embeddings @ self.weight + self.bias, self.quantile)


def read_head(path: Path) -> tuple[np.ndarray, float]:
    """The weights (d,) and the bias of a linear head, as .safetensors or as a .pth state dict."""
    tensors = read_tensors(path)[0] if path.suffix == ".safetensors" else _read_state(path)
    if set(tensors) != {"weight", "bias"} or tensors["bias"].numel() != 1:
        raise UserError(f"{path} is no linear head: it must hold a weight and one bias")
    return tensors["weight"].double().flatten().numpy(), float(tensors["bias"])


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    """The format in which the head is published; only tensors are read from it."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # What a broken file raises depends on where it is broken.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as a state dict: {reason}") from error
