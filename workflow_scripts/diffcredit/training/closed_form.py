"""Objectives that are no loop: the change of the parameters is computed from a few gradients."""

import time
from collections.abc import Iterator
from typing import Literal

import torch
from accelerate import Accelerator

from diffcredit.config import Ema, Training
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.models.checkpoints import Trained
from diffcredit.training import ema
from diffcredit.training.batches import Drawing
from diffcredit.training.gradients import denoising_gradient
from diffcredit.training.loop import Checkpoint, Outcome, Plan, check_images
from diffcredit.training.objectives.objective import ClosedForm

#: A start of which more is left than this share is hardly another model afterwards.
MOSTLY = 0.5


class Gradients:
    """(P,) gradients of the mean denoising loss of each batch, computed whenever asked for.

    Args:
        network: left alone.
        draw: draws the batches.
        role: "retained" or "removed".
        batches: their number; all: those of a pass over the images, the last one filled up.
    """

    def __init__(
        self, network: torch.nn.Module, draw: Drawing, role: str, batches: int | Literal["all"]
    ):
        self.network, self.draw, self.role = network, draw, role
        self.batches = draw.batches(role) if batches == "all" else batches

    def __len__(self) -> int:
        """Number of batches."""
        return self.batches

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Of the first batch, then the next one."""
        parameters = list(self.network.parameters())
        for step in range(self.batches):
            yield denoising_gradient(self.network, parameters, self.draw.of(self.role, step))


def solve(
    start: Trained,
    objective: ClosedForm,
    retained: torch.Tensor,
    removed: torch.Tensor | None,
    plan: Plan,
    settings: Training,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Move a copy of ``start`` once; the arguments are those of `loop.train`.

    As after a step of the loop, the moving average is updated once and is what is used: begun anew
    (k = 0) it is the moved weights. With ``ema.continued`` it is nearly the start, as in the code
    of Lu et al. 2025 (arXiv 2407.03153): k is the number of steps of the start. This is told.

    Gradients are those of the denoising loss, in full precision. Nothing is saved on the way: what
    was interrupted is computed again, with the same outcome.

    Raises:
        UserError: if there are no images, weights are not finite afterwards, or an average cannot
            go on because nobody says of how many steps it is.
    """
    check_images(objective.uses_removed, retained, removed, plan)
    assert removed is not None
    averaged = ema.steps_before(start, plan.label) if settings.ema.continued else 0
    began = time.perf_counter()
    network = start.copy().network.eval().to(accelerator.device)
    draw = Drawing(retained, removed, plan.timesteps, plan.seed, settings, accelerator)
    change = objective.change(
        Gradients(network, draw, "retained", objective.batches),
        Gradients(network, draw, "removed", objective.batches),
        len(retained),
        len(removed),
    )
    if not torch.isfinite(change).all():
        raise UserError(
            f"{plan.label}: the step is not finite\n    Hint: more damping, or a smaller ratio"
        )
    _move(network, change, averaged, settings.ema)
    kept = ema.decay(averaged, settings.ema)
    if kept > MOSTLY:
        logger.warning(
            "%s: training.ema.continued = true keeps %.2f%% of the start after one step, so this "
            "model has hardly changed\n  Hint: approaches.NAME.training: {ema: {continued: false}} "
            "uses the whole step",
            plan.label,
            100 * kept,
        )
    seconds = time.perf_counter() - began
    known = averaged + 1 if settings.ema.continued else start.averaged
    trained = Trained(network.cpu(), start.description, known)
    return Outcome(trained, seconds, loss=None, steps=1)


@torch.no_grad()
def _move(network: torch.nn.Module, change: torch.Tensor, averaged: int, settings: Ema) -> None:
    """Leave in the network the average, of so many steps before, after one step by ``change``."""
    parameters = list(network.parameters())
    average = [parameter.detach().clone() for parameter in parameters]
    pieces = change.split([parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.add_(piece.view_as(parameter))
    ema.update(average, parameters, averaged, settings)
    for parameter, averaged_parameter in zip(parameters, average, strict=True):
        parameter.copy_(averaged_parameter)
