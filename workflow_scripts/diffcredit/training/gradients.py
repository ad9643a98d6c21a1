"""The gradient of a step: one of one loss, or one made of two that are kept apart till then."""

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

#: Steps over which the norm of a gradient is averaged: single batches differ.
MEASURED_STEPS = 4


class Gradient(Protocol):
    """What the loop does with the parts of a step; afterwards it clips and steps."""

    def add(
        self, predict: Predict, retained: Batch, removed: Batch | None, uniform: Uniform
    ) -> torch.Tensor:
        """Add that of one part; return its loss."""
        ...

    def finish(self) -> None:
        """Leave that of the whole step in the parameters, after its last part."""
        ...


def of_step(
    objective: Objective,
    step: int,
    network: torch.nn.Module,
    parameters: Sequence[torch.nn.Parameter],
    accelerator: Accelerator,
) -> Gradient:
    """The gradient of a step, before its first part."""
    if isinstance(objective, TwoGradients):
        return _Apart(objective, network, parameters, accelerator)
    assert isinstance(objective, OneGradient)
    return _Together(objective, objective.weight(step), accelerator)


class _Together:
    """Autograd, accelerate and the parameters add up the parts by themselves."""

    def __init__(self, objective: OneGradient, weight: float, accelerator: Accelerator):
        self.objective, self.weight, self.accelerator = objective, weight, accelerator

    def add(
        self, predict: Predict, retained: Batch, removed: Batch | None, uniform: Uniform
    ) -> torch.Tensor:
        """Add that of one part; return its loss, which is not weighted."""
        return self.objective.backward(predict, retained, removed, self._accumulate)

    def finish(self) -> None:
        """It is there already."""

    def _accumulate(self, loss: torch.Tensor) -> None:
        self.accelerator.backward(self.weight * loss)


class _Apart:
    """G_x and G_a, each added up over parts and processes, then G_x + factor x G_a.

    G_x lies where autograd puts gradients, and G_a in a copy beside it: they change places while
    its loss is differentiated. Processes share their gradients once a step, here and not in
    DistributedDataParallel, which knows but one backward pass for a forward pass.
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
        """Add those of one part; return the loss of the retained images."""
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
        """Leave the step in the parameters, still scaled where losses are, and forget G_a."""
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
        """The mean over processes of a gradient; 0 where a loss does not depend on a parameter."""
        found = [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(self.parameters, gradients, strict=True)
        ]
        if self.accelerator.num_processes == 1:
            return found
        return [self.accelerator.reduce(gradient, "mean") for gradient in found]

    def _scale(self) -> float:
        """What losses in half precision are multiplied by, 1 without."""
        scaler: Any = self.accelerator.scaler
        return scaler.get_scale() if scaler else 1.0


def _products(
    first: Sequence[torch.Tensor], second: Sequence[torch.Tensor], scale: float
) -> Products:
    """The norm in float64, so that the squares of small gradients do not vanish."""
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

    In full precision and without dropout, from the same draws wherever the training continues.

    Args:
        start: the network; it is left alone.
        parameters: what is trained: name of an entry of the registry, and its options.
        seed: that of what is added to the network to be trained.
        draw: the batches of the training.
        accelerator: tells the device and the processes.
    """
    network = start.copy().network.eval().to(accelerator.device)
    adapted: Parameters = build(PARAMETERS, parameters)
    trained = [p for group in adapted.attach(network, seed) for p in group.parameters]
    network.eval()  # what was added is new
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
    """(P,) gradient of the mean denoising loss of a batch that comes in parts of equal size."""
    total = torch.zeros(sum(p.numel() for p in parameters), device=parameters[0].device)
    for part in parts:
        predicted = family.predict(network, part.noised, part.timesteps, part.condition)
        loss = torch.nn.functional.mse_loss(predicted, part.noise)
        found = torch.autograd.grad(loss, parameters)
        total += torch.cat([gradient.flatten() for gradient in found]) / len(parts)
    return total
