"""Aesthetic score: the output of a linear head on CLIP embeddings of the samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.behaviors.summary import QUANTILE, mean_or_quantile
from diffcredit.config.messages import problem
from diffcredit.config.sections import Fraction, Place
from diffcredit.errors import UserError
from diffcredit.files import read_tensors
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Config

#: Cache folder of the tool that publishes the head.
USUAL = Path("~/.cache/emb_reader/sa_0_4_vit_l_14_linear.pth")
SOURCE = "https://github.com/LAION-AI/aesthetic-predictor/raw/main/sa_0_4_vit_l_14_linear.pth"


class Aesthetic(SampleMeasure):
    """Mean or quantile over the samples of w.x + b, x a CLIP embedding of length 1.

    The published head was fitted to people's ratings from 1 to 10 (LAION's aesthetic predictor). Lu
    et al. 2025 (arXiv 2407.03153) report the mean and the quantiles 0.5, 0.75 and 0.9, with linear
    interpolation between samples as here.
    """

    needs, better = "clip", "higher"

    class Options(SampleMeasure.Options):
        """The linear head, and how the scores of the samples become one value."""

        head: Place | None = Field(
            None,
            description="weights of the head, a .pth state dict or .safetensors; "
            "null: ~/.cache/emb_reader/sa_0_4_vit_l_14_linear.pth",
        )
        quantile: Fraction | None = QUANTILE

        def place(self, base: Path = Path()) -> Path:
            """File of the head, whether or not it exists."""
            return USUAL.expanduser() if self.head is None else base / Path(self.head).expanduser()

        def files(self) -> list[Path]:
            """The head."""
            return [self.place()]

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """The line about a head that does not exist."""
            found = self.place(base)
            if found.is_file():
                return []
            hint = f"the head for CLIP ViT-L/14 comes from {SOURCE}"
            return [problem(f"{key}.head", self.head, f"the file {found} does not exist", hint)]

    def prepare(self, reference: ImageFeatures) -> None:
        """Read the head."""
        self.head = self.options.place()
        self.weight, self.bias = read_head(self.head)

    def __call__(self, samples: ImageFeatures) -> float:
        """The mean or quantile of the scores, about 1 to 10.

        Raises:
            UserError: if the head expects embeddings of another size.
        """
        embeddings = samples.directions
        if embeddings.shape[1] != len(self.weight):
            raise UserError(
                f"{self.head} is a head for embeddings of {len(self.weight)} numbers; "
                f"the extractor gives {embeddings.shape[1]}\n"
                "    Hint: heads and CLIP models come in pairs"
            )
        return mean_or_quantile(embeddings @ self.weight + self.bias, self.options.quantile)


def read_head(path: Path) -> tuple[np.ndarray, float]:
    """The weights (d,) and the bias of a linear head, as .safetensors or as a .pth state dict."""
    tensors = read_tensors(path)[0] if path.suffix == ".safetensors" else _read_state(path)
    if set(tensors) != {"weight", "bias"} or tensors["bias"].numel() != 1:
        raise UserError(f"{path} is no linear head: it must hold a weight and one bias")
    return tensors["weight"].double().flatten().numpy(), float(tensors["bias"])


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read the format in which the head is published; only tensors are loaded."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # Broken files raise many kinds of errors.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as a state dict: {reason}") from error
