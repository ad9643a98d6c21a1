"""The moving average of the weights, which is what is used for inference."""

from collections.abc import Sequence

import torch

from diffcredit.config import Ema


def decay(step: int, settings: Ema) -> float:
    """Weight of the old average after ``step`` updates, 0 at step 0, growing to max_decay."""
    grown = 1 - (1 + step / settings.inverse_gamma) ** -settings.power
    return min(settings.max_decay, max(0.0, grown))


@torch.no_grad()
def update(
    average: list[torch.Tensor], current: Sequence[torch.Tensor], step: int, settings: Ema
) -> None:
    """Set average to d average + (1 - d) current, in place, with d = decay(step)."""
    torch._foreach_lerp_(average, list(current), 1 - decay(step, settings))
