"""Objectives that are no loop: the change of the parameters is computed from a few gradients."""

import time
from typing import Protocol

import torch
from accelerate import Accelerator

from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained
from diffcredit.training.batches import Drawing
from diffcredit.training.gradients import denoising_gradient
from diffcredit.training.loop import Checkpoint, Outcome, Plan, check_images


class ClosedForm(Protocol):
    """What is needed of a closed form; see `objectives.influence`."""

    uses_removed: bool
    batches: int

    def change(
        self,
        retained: torch.Tensor,
        removed: torch.Tensor,
        count_retained: int,
        count_removed: int,
    ) -> torch.Tensor:
        """What to add to the P parameters, from (batches, P) gradients and numbers of images."""
        ...


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

    Gradients are those of the denoising loss, in full precision. Nothing is saved on the way: what
    was interrupted is computed again, with the same outcome.

    Raises:
        UserError: if there are no images, or weights are not finite afterwards.
    """
    check_images(objective.uses_removed, retained, removed, plan)
    assert removed is not None
    began = time.perf_counter()
    network = start.copy().network.eval().to(accelerator.device)
    draw = Drawing(retained, removed, plan.timesteps, plan.seed, settings, accelerator)
    change = objective.change(
        _gradients(network, draw, "retained", objective.batches),
        _gradients(network, draw, "removed", objective.batches),
        len(retained),
        len(removed),
    )
    if not torch.isfinite(change).all():
        raise UserError(
            f"{plan.label}: the step is not finite\n    Hint: more damping, or a smaller ratio"
        )
    _move(network, change)
    seconds = time.perf_counter() - began
    return Outcome(Trained(network.cpu(), start.description), seconds, loss=None, steps=1)


def _gradients(network: torch.nn.Module, draw: Drawing, role: str, batches: int) -> torch.Tensor:
    """(batches, P) gradients of the mean denoising loss of each batch."""
    parameters = list(network.parameters())
    size = sum(parameter.numel() for parameter in parameters)
    found = torch.empty(batches, size, device=parameters[0].device)
    for step, row in enumerate(found):
        row.copy_(denoising_gradient(network, parameters, draw.of(role, step)))
    return found


@torch.no_grad()
def _move(network: torch.nn.Module, change: torch.Tensor) -> None:
    parameters = list(network.parameters())
    pieces = change.split([parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.add_(piece.view_as(parameter))
