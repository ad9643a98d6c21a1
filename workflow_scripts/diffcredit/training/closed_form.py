"""Closed-form objectives: the change of the parameters is computed from a few gradients."""

import time
from collections.abc import Iterator
from typing import Literal

import torch
from accelerate import Accelerator

from diffcredit.config import Ema
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.models.checkpoints import Trained
from diffcredit.training import ema
from diffcredit.training.batches import Drawing
from diffcredit.training.gradients import denoising_gradient
from diffcredit.training.objectives.objective import ClosedForm
from diffcredit.training.recipe import Checkpoint, Outcome, Run, Snapshots

#: If the moving average keeps more than this fraction of the start, the model hardly changes.
MOSTLY = 0.5


class BatchGradients:
    """(P,) gradients of the mean denoising loss of each batch, computed on access.

    Args:
        network: it is not changed.
        draw: draws the batches.
        role: "retained" or "removed".
        batches: number of batches; "all" for a pass over the images, with the last batch filled up.
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
        """The gradients, batch by batch."""
        parameters = list(self.network.parameters())
        for step in range(self.batches):
            parts = self.draw.of(self.role, step)
            yield denoising_gradient(self.draw.family, self.network, parameters, parts)


def solve(
    run: Run,
    objective: ClosedForm,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None = None,
    snapshots: Snapshots | None = None,
) -> Outcome:
    """Make one step from a run's start; the arguments are those of `loop.train`.

    As after a step of the loop, the moving average is updated once, and is the result. A new
    average (k = 0) equals the moved weights. With ``ema.continued``, k is the number of steps of
    the start, and the average is nearly the start, as in the code of Lu et al. 2025 (arXiv
    2407.03153). A warning says so.

    Gradients are those of the denoising loss, in full precision. There are no checkpoints: an
    interrupted computation starts from the beginning, with the same outcome.

    Raises:
        UserError: if there are no images, the new weights are not finite, or an average cannot be
            continued because its number of steps is unknown.
    """
    run.check_images(objective.uses_removed)
    assert run.removed is not None
    start, average = run.start, run.recipe.training.ema
    averaged = ema.steps_before(start, run.label) if average.continued else 0
    began = time.perf_counter()
    network = start.copy().network.eval().to(accelerator.device)
    draw = Drawing.of_run(run, accelerator)
    change = objective.change(
        BatchGradients(network, draw, "retained", objective.batches),
        BatchGradients(network, draw, "removed", objective.batches),
        len(run.retained),
        len(run.removed),
    )
    if not torch.isfinite(change).all():
        raise UserError(
            f"{run.label}: the step is not finite\n    Hint: more damping, or a smaller ratio"
        )
    _move(network, change, averaged, average)
    kept = ema.decay(averaged, average)
    if kept > MOSTLY:
        logger.warning(
            "%s: training.ema.continued = true keeps %.2f%% of the start after one step, so this "
            "model has hardly changed\n  Hint: approaches.NAME.training: {ema: {continued: false}} "
            "uses the whole step",
            run.label,
            100 * kept,
        )
    seconds = time.perf_counter() - began
    updates = averaged + 1 if average.continued else start.averaged
    trained = Trained(network.cpu(), start.family, start.structure, updates)
    return Outcome(trained, seconds, loss=None, steps=1)


@torch.no_grad()
def _move(network: torch.nn.Module, change: torch.Tensor, averaged: int, settings: Ema) -> None:
    """Set the network to the moving average after one step by ``change``."""
    parameters = list(network.parameters())
    average = [parameter.detach().clone() for parameter in parameters]
    pieces = change.split([parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.add_(piece.view_as(parameter))
    ema.update(average, parameters, averaged, settings)
    for parameter, averaged_parameter in zip(parameters, average, strict=True):
        parameter.copy_(averaged_parameter)
