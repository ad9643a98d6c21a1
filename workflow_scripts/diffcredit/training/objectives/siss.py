"""Subtracted Importance Sampled Scores (Alberti et al. 2025, arXiv 2503.01034).

Both losses are taken of one forward pass, on noised images m that are drawn from
(1 - mixture) q(m | x) + mixture q(m | a), with x retained and a removed, and weighted back to
q(m | x) and q(m | a). A noised x, m = alpha x + sigma e, is as well a noised a, of another noise.
At low noise levels it hardly is: one of its weights is 0 then, and it takes one backward pass, not
two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from diffcredit.config.sections import Real
from diffcredit.lazy import torch
from diffcredit.training.objectives.objective import Accumulators, Predict, Uniform
from diffcredit.training.objectives.subtraction import Subtraction

if TYPE_CHECKING:
    from diffcredit.training.batches import Batch

#: Weights below count as 0: beside those of others, which are about 1, they are below the rounding
#: of float32.
NEGLIGIBLE = 1e-8
#: Share of the images that must count for one loss alone before they are passed through the network
#: by themselves: three small batches take longer than one large one.
WORTHWHILE = 0.4


class Siss(Subtraction):
    """G_x and G_a of E w_x || eps(m, t) - e_x ||^2 and E w_a || eps(m, t) - e_a ||^2."""

    class Options(Subtraction.Options):
        """The mixture of retained and removed images that is noised.

        At either end of its range the weights of the other loss have no bound.
        """

        mixture: Annotated[Real, Field(ge=0, le=1)] = Field(
            0.5,
            description="lambda, fraction of noised images that are of removed ones, from 0 to 1",
        )

    def backward_apart(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch,
        uniform: Uniform,
        gradients: Accumulators,
    ) -> torch.Tensor:
        """Add the gradients of one part of a step; returns the loss of the retained images."""
        mixture = self.options.mixture
        mixed = mix(retained, removed, uniform() < mixture)
        of_x, of_a = importance_weights(log_ratio(mixed), mixture)
        loss = torch.zeros((), device=of_x.device)
        for rows in _alike(of_x > 0, of_a > 0):
            own = mixed.rows(rows)
            predicted = predict(own.batch)
            counts_x, counts_a = (bool((weights[rows] > 0).any()) for weights in (of_x, of_a))
            if counts_x:
                error = _weighted_error(predicted, own.noise_retained, of_x[rows], len(of_x))
                gradients.retained(error, keep_graph=counts_a)
                loss = loss + error.detach()
            if counts_a:
                gradients.removed(
                    _weighted_error(predicted, own.noise_removed, of_a[rows], len(of_a))
                )
        return loss


def _alike(first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
    """Numbers of the images (b,) that count for both losses, for the first, for the second.

    All together, where few count for one alone.
    """
    both = first & second
    if both.float().mean() > 1 - WORTHWHILE:
        return [torch.arange(len(both), device=both.device)]
    groups = (both, first & ~second, second & ~first)
    return [rows for group in groups if len(rows := group.nonzero().flatten())]


def _weighted_error(
    predicted: torch.Tensor, noise: torch.Tensor, weights: torch.Tensor, images: int
) -> torch.Tensor:
    """What some images add to the mean over all."""
    return (weights * (predicted - noise).square().flatten(1).mean(1)).sum() / images


@dataclass(frozen=True)
class Mixture:
    """Noised images m, each of x or of a.

    Attributes:
        batch: what the network sees; its clean images are those that were noised.
        noise_retained: (b, c, h, w) e_x, the noise that makes m of x.
        noise_removed: (b, c, h, w) e_a, the noise that makes m of a.
    """

    batch: Batch
    noise_retained: torch.Tensor
    noise_removed: torch.Tensor

    def rows(self, chosen: torch.Tensor) -> Mixture:
        """The images of some numbers."""
        return Mixture(
            self.batch.rows(chosen), self.noise_retained[chosen], self.noise_removed[chosen]
        )


def mix(retained: Batch, removed: Batch, of_removed: torch.Tensor) -> Mixture:
    """Noise x, or a where ``of_removed`` (b,), with the noise and at the timestep of x."""
    chosen = of_removed.view(-1, 1, 1, 1)
    noise = retained.noise
    clean = torch.where(chosen, removed.clean, retained.clean)
    noised = torch.where(chosen, removed.noised_like(retained).noised, retained.noised)
    # From the difference of the images, and not from m: there rounding is divided by sigma.
    apart = retained.alpha / retained.sigma * (removed.clean - retained.clean)
    return Mixture(
        replace(retained, clean=clean, noised=noised),
        torch.where(chosen, noise + apart, noise),
        torch.where(chosen, noise, noise - apart),
    )


def log_ratio(mixed: Mixture) -> torch.Tensor:
    """(b,) float64 log q(m | a) - log q(m | x), the noises being standard normal."""
    difference = mixed.noise_retained - mixed.noise_removed
    total = mixed.noise_retained + mixed.noise_removed
    return (difference * total).flatten(1).sum(1, dtype=torch.float64) / 2


def importance_weights(ratio: torch.Tensor, mixture: float) -> tuple[torch.Tensor, torch.Tensor]:
    """What m counts for x and for a, in log space: no exponential but the last one is taken.

    w_x = q(m | x) / ((1 - mixture) q(m | x) + mixture q(m | a)), w_a likewise with q(m | a) above.
    They are at most 1 / (1 - mixture) and 1 / mixture, and (1 - mixture) w_x + mixture w_a = 1.

    Args:
        ratio: (b,) log q(m | a) - log q(m | x).
        mixture: from 0 to 1.

    Returns:
        (b,) w_x and (b,) w_a, float32.
    """
    of_x = math.log1p(-mixture) if mixture < 1 else -math.inf
    of_a = math.log(mixture) if mixture > 0 else -math.inf
    below = torch.logaddexp(torch.full_like(ratio, of_x), of_a + ratio)
    return _weight(-below), _weight(ratio - below)


def _weight(logarithm: torch.Tensor) -> torch.Tensor:
    weight = logarithm.exp()
    return weight.where(weight >= NEGLIGIBLE, 0).float()
