"""The step of Subtracted Importance Sampled Scores, whatever gives its two gradients.

Alberti et al. 2025, arXiv 2503.01034.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field

from diffcredit.config.sections import Rate
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import Products, TwoGradients

#: What the paper recommends of the norm of naive deletion's gradient.
SHARE = 0.1


class Subtraction(TwoGradients):
    """G_x - c G_a with c = ``scaling_norm`` / ||G_a||: the removed images always count alike."""

    class Options(TwoGradients.Options):
        """The norm of what is subtracted."""

        scaling_norm: Rate | Literal["auto"] = Field(
            "auto",
            description="a number above 0, the norm of the gradient that is subtracted, of a loss "
            "that is a mean over values; or auto, a tenth of that of the retained images' "
            "denoising loss at the start",
        )

    def measured(self, norm: Callable[[], float]) -> Self:
        """With the number that auto stands for."""
        if self.options.scaling_norm != "auto":
            return self
        return self.of(self.options.model_copy(update={"scaling_norm": SHARE * norm()}))

    def factor(self, products: Products) -> float:
        """- c; 0 where G_a is so small that it has no direction."""
        scaling_norm = self.options.scaling_norm
        assert scaling_norm != "auto"
        norm = math.sqrt(products.removed)
        return -scaling_norm / norm if norm > torch.finfo(torch.float32).tiny else 0.0
