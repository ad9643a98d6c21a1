"""The gradient of a step: of one loss, or a combination of two separate gradients."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Family
from diffcredit.registry import PARAMETERS, build
from diffcredit.training.batches import Batch, Drawing
from diffcredit.training.objectives.objective import (
    Objective,
    OneGradient,
    Predict,
    Products,
    TwoGradients,
    Uniform,
)
from diffcredit.training.parameters.parameters import Parameters

#: Steps over which the norm of a gradient is averaged; single batches vary too much.
MEASURED_STEPS = 4


class Gradient(Protocol):
    """Accumulates the gradient of a step from its parts; then the loop clips it and steps."""

    def add(
        self, predict: Predict, retained: Batch, removed: Batch | None, uniform: Uniform
    ) -> torch.Tensor:
        """Add the gradient of one part; return its loss."""
        ...

    def finish(self) -> None:
        """Set the parameters' gradients to the gradient of the whole step."""
        ...


def of_step(
    objective: Objective,
    step: int,
    network: torch.nn.Module,
    parameters: Sequence[torch.nn.Parameter],
    accelerator: Accelerator,
) -> Gradient:
    """An empty accumulator for the gradient of a step."""
    if isinstance(objective, TwoGradients):
        return _Apart(objective, network, parameters, accelerator)
    assert isinstance(objective, OneGradient)
    return _Together(objective, objective.weight(step), accelerator)


class _Together:
    """One gradient: autograd and accelerate add up the parts in the parameters."""

    def __init__(self, objective: OneGradient, weight: float, accelerator: Accelerator):
        self.objective, self.weight, self.accelerator = objective, weight, accelerator

    def add(
        self, predict: Predict, retained: Batch, removed: Batch | None, uniform: Uniform
    ) -> torch.Tensor:
        """Add the gradient of one part; return its unweighted loss."""
        return self.objective.backward(predict, retained, removed, self._accumulate)

    def finish(self) -> None:
        """Nothing to do: the parameters have the gradient already."""

    def _accumulate(self, loss: torch.Tensor) -> None:
        self.accelerator.backward(self.weight * loss)


class _Apart:
    """Two gradients G_x and G_a, added up over parts and processes, then G_x + factor x G_a.

    G_x is in the parameters, where autograd adds gradients, and G_a in a copy; they are swapped for
    the backward pass of G_a's loss. Processes share their gradients once per step, here instead of
    in DistributedDataParallel, which allows only one backward pass per forward pass.
    """

    def __init__(
        self,
        objective: TwoGradients,
        network: torch.nn.Module,
        parameters: Sequence[torch.nn.Parameter],
        accelerator: Accelerator,
    ):
        self.objective, self.network = objective, network
        self.parameters, self.accelerator = parameters, accelerator
        self.aside: list[torch.Tensor | None] = [None] * len(parameters)

    def add(
        self, predict: Predict, retained: Batch, removed: Batch | None, uniform: Uniform
    ) -> torch.Tensor:
        """Add the gradients of one part; return the loss of the retained images."""
        assert removed is not None
        with self.accelerator.no_sync(self.network):
            return self.objective.backward_apart(predict, retained, removed, uniform, self)

    def retained(self, loss: torch.Tensor, keep_graph: bool = False) -> None:
        """Add to G_x."""
        self.accelerator.backward(loss, retain_graph=keep_graph)

    def removed(self, loss: torch.Tensor) -> None:
        """Add to G_a."""
        self._swap()
        self.accelerator.backward(loss)
        self._swap()

    def finish(self) -> None:
        """Set the parameters' gradients to the (scaled) step, and clear G_a."""
        retained = self._shared([parameter.grad for parameter in self.parameters])
        removed = self._shared(self.aside)
        factor = self.objective.factor(_products(retained, removed, self._scale()))
        torch._foreach_add_(retained, removed, alpha=factor)
        for parameter, gradient in zip(self.parameters, retained, strict=True):
            parameter.grad = gradient
        self.aside = [None] * len(self.parameters)

    def _swap(self) -> None:
        for place, parameter in enumerate(self.parameters):
            parameter.grad, self.aside[place] = self.aside[place], parameter.grad

    def _shared(self, gradients: Sequence[torch.Tensor | None]) -> list[torch.Tensor]:
        """The mean over processes of a gradient; 0 for parameters that a loss does not use."""
        found = [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(self.parameters, gradients, strict=True)
        ]
        if self.accelerator.num_processes == 1:
            return found
        return [self.accelerator.reduce(gradient, "mean") for gradient in found]

    def _scale(self) -> float:
        """The loss scale of half precision; 1 in full precision."""
        scaler: Any = self.accelerator.scaler
        return scaler.get_scale() if scaler else 1.0


def _products(
    first: Sequence[torch.Tensor], second: Sequence[torch.Tensor], scale: float
) -> Products:
    """Inner products in float64, so that squares of small gradients do not underflow."""
    mixed = [torch.dot(p.flatten(), q.flatten()) for p, q in zip(first, second, strict=True)]
    norms = [torch.linalg.vector_norm(q, dtype=torch.float64) for q in second]
    return Products(
        mixed=torch.stack(mixed).double().sum().item() / scale**2,
        removed=torch.stack(norms).square().sum().item() / scale**2,
    )


def naive_deletion_norm(
    start: Trained,
    parameters: dict[str, Any],
    seed: int,
    draw: Drawing,
    accelerator: Accelerator,
) -> float:
    """Mean norm of the gradient of the retained images' denoising loss, before the first step.

    In full precision and without dropout; the batches are the same when a training continues.

    Args:
        start: the network; it is not changed.
        parameters: the trained parameters: name of an entry of the registry, and its options.
        seed: of adapters that are added to the network.
        draw: the batches of the training.
        accelerator: knows the device and the processes.
    """
    network = start.copy().network.eval().to(accelerator.device)
    adapted: Parameters = build(PARAMETERS, parameters)
    trained = [p for group in adapted.attach(network, seed) for p in group.parameters]
    network.eval()  # adapters are new
    norms = []
    for step in range(MEASURED_STEPS):
        parts = draw.of("retained", step)
        gradient = denoising_gradient(start.family, network, trained, parts)
        norms.append(accelerator.reduce(gradient, "mean").norm().item())
    return math.fsum(norms) / len(norms)


def denoising_gradient(
    family: Family,
    network: torch.nn.Module,
    parameters: Sequence[torch.nn.Parameter],
    parts: list[Batch],
) -> torch.Tensor:
    """(P,) gradient of the mean denoising loss of a batch, given in parts of equal size."""
    total = torch.zeros(sum(p.numel() for p in parameters), device=parameters[0].device)
    for part in parts:
        predicted = family.predict(network, part.noised, part.timesteps, part.condition)
        loss = torch.nn.functional.mse_loss(predicted, part.noise)
        found = torch.autograd.grad(loss, parameters)
        total += torch.cat([gradient.flatten() for gradient in found]) / len(parts)
    return total
