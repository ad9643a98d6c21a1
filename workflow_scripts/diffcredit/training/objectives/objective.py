"""The three kinds of objective, and what the training loop and the closed form ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self

from diffcredit.config.options import Implementation
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch

Predict = Callable[["Batch"], "torch.Tensor"]
#: Gives (b, *shape) numbers in [0, 1) for the b images of a part of a step.
Uniform = Callable[..., "torch.Tensor"]


class Objective(Implementation):
    """What a model is trained towards: `OneGradient`, `TwoGradients` or `ClosedForm`.

    Attributes:
        uses_removed: whether it sees the removed images.
        starts: the starts from which it makes sense.
        steps_option: the option that may give the number of steps; "" for none.
        loops: whether it takes many steps of the training loop; False for one computed step.
    """

    uses_removed: ClassVar[bool] = False
    starts: ClassVar[tuple[str, ...]] = ("scratch", "full", "pruned")
    steps_option: ClassVar[str] = ""
    loops: ClassVar[bool] = True

    def steps(self, removed: int, batch_size: int) -> int:
        """The number of steps that `steps_option` gives, which may be 0.

        Args:
            removed: number of removed images.
            batch_size: images of a step.
        """
        raise NotImplementedError(f"{type(self).__name__} does not count its steps")

    def measured(self, norm: Callable[[], float]) -> Self:
        """The objective, ready to run on a model.

        Args:
            norm: measures the norm of the gradient of the retained images' denoising loss at the
                model that the training starts from.
        """
        return self


class OneGradient(Objective):
    """An objective whose step is the gradient of one loss; `denoise` is the plainest one."""

    def backward(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step through ``accumulate``; return the loss."""
        raise NotImplementedError

    def weight(self, step: int) -> float:
        """What the gradient of this step, from 0, is multiplied by before it is clipped."""
        return 1.0


class Accumulators(Protocol):
    """Where the two gradients of a step are added up."""

    def retained(self, loss: torch.Tensor, keep_graph: bool = False) -> None:
        """Add to G_x; ``keep_graph`` where the other loss comes from the same forward pass."""
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


class TwoGradients(Objective):
    """An objective that keeps two gradients apart until its step, G_x + factor x G_a.

    See `siss_two_pass` for the plainest one.
    """

    uses_removed = True
    starts = ("full", "pruned")

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Uniform,
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; return the loss of the retained images."""
        raise NotImplementedError

    def factor(self, products: Products) -> float:
        """What G_a counts in the step."""
        raise NotImplementedError


class GradientRows(Protocol):
    """(m, P) gradients of m batches, a row for each; a tensor is one."""

    def __iter__(self) -> Iterator[torch.Tensor]:
        """The rows, from the first each time."""
        ...

    def __len__(self) -> int:
        """Their number."""
        ...


class ClosedForm(Objective):
    """An objective that needs no loop: it computes the change of the parameters at once.

    Attributes:
        batches: how many batches of gradients it reads; "all" for a pass over the images.
    """

    uses_removed = True
    starts = ("full", "pruned")
    loops = False

    @property
    def batches(self) -> int | Literal["all"]:
        """See the class."""
        raise NotImplementedError

    def steps(self, removed: int, batch_size: int) -> int:
        """One."""
        return 1

    def change(
        self,
        retained: GradientRows,
        removed: GradientRows,
        count_retained: int,
        count_removed: int,
    ) -> torch.Tensor:
        """What to add to the P parameters, from gradients and numbers of images."""
        raise NotImplementedError
