"""The exponential moving average of the weights, which is used for inference."""

from collections.abc import Sequence

import torch

from diffcredit.config import Ema
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained


def decay(step: int, settings: Ema) -> float:
    """Weight of the old average after ``step`` updates; it grows from 0 to max_decay."""
    grown = 1 - (1 + step / settings.inverse_gamma) ** -settings.power
    return min(settings.max_decay, max(0.0, grown))


def steps_before(start: Trained, label: str) -> int:
    """Number of steps in the moving average of a start, for continuing that average.

    Both the average and the trained weights start from the stored average of the start: the last
    weights of a training are not kept.

    Raises:
        UserError: if the number of steps of the start is unknown.
    """
    if start.averaged is None:
        raise UserError(
            f"{label}: training.ema.continued = true, but the model that it starts from does not "
            "say of how many steps its weights are the average\n"
            "    Hint: continued: false begins a new average"
        )
    return start.averaged


@torch.no_grad()
def update(
    average: list[torch.Tensor], current: Sequence[torch.Tensor], step: int, settings: Ema
) -> None:
    """Set average to d average + (1 - d) current, in place, with d = decay(step)."""
    # No public function updates all tensors in one pass; one at a time takes twice as long.
    torch._foreach_lerp_(average, list(current), 1 - decay(step, settings))
