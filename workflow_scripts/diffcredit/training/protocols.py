"""What the loop needs of an objective, and what an objective may do besides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import torch

from diffcredit.training.batches import Batch

Predict = Callable[[Batch], torch.Tensor]


def follows(objective: object, protocol: type) -> bool:
    """Whether the class of an objective defines the methods of a protocol below.

    The class is asked, not the object: an option may have the name of a method, such as weight.
    """
    methods = [
        name for name, member in vars(protocol).items() if name[0] != "_" and callable(member)
    ]
    return all(callable(getattr(type(objective), name, None)) for name in methods)


class Objective(Protocol):
    """An objective with one gradient; see `objectives.denoise` for the plainest one."""

    uses_removed: bool

    def backward(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step through ``accumulate``; return the loss."""
        ...


class Weighted(Protocol):
    """An objective with one gradient, which counts differently at each step."""

    def weight(self, step: int) -> float:
        """What the gradient of this step, from 0, is multiplied by before it is clipped."""
        ...


class Accumulators(Protocol):
    """Where the two gradients of a step are added up."""

    def retained(self, loss: torch.Tensor, keep_graph: bool = False) -> None:
        """Add to G_x; ``keep_graph`` where the other loss comes of the same forward pass."""
        ...

    def removed(self, loss: torch.Tensor) -> None:
        """Add to G_a."""
        ...


@dataclass(frozen=True)
class Products:
    """Inner products of the whole gradients G_x and G_a of a step.

    Attributes:
        mixed: <G_x, G_a>.
        removed: <G_a, G_a>.
    """

    mixed: float
    removed: float


class TwoSided(Protocol):
    """An objective with two gradients, kept apart until the step G_x + factor x G_a is made.

    See `objectives.siss_two_pass` for the plainest one.
    """

    uses_removed: bool

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Callable[..., torch.Tensor],
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; return the loss of the retained images.

        ``uniform(*shape)`` draws (b, *shape) numbers in [0, 1) for the b images of the part.
        """
        ...

    def factor(self, products: Products) -> float:
        """What G_a counts in the step."""
        ...


class Measured(Protocol):
    """An objective that may need to know the start before the first step."""

    def measured(self, norm: Callable[[], float]) -> Self:
        """The objective ready to run; ``norm`` measures that of naive deletion's gradient."""
        ...
