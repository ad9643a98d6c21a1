"""The functions f of a prediction whose gradients are taken, one number for each image.

TRAK on diffusion models uses the loss, D-TRAK the squared norm (Zheng et al. 2024, arXiv
2311.00500). That paper also tries the other functions. All return (n,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diffcredit.config.options import Implementation
from diffcredit.lazy import torch
from diffcredit.models.diffusion import NoiseSchedule


@dataclass(frozen=True)
class Prediction:
    """The predictions of a network for noised images.

    Attributes:
        predicted: (n, c, h, w) predicted noise.
        noise: (n, c, h, w) noise that was added.
        timesteps: (n,).
        schedule: the noise schedule.
    """

    predicted: torch.Tensor
    noise: torch.Tensor
    timesteps: torch.Tensor
    schedule: NoiseSchedule


Function = Callable[[Prediction], "torch.Tensor"]


def loss(of: Prediction) -> torch.Tensor:
    """||predicted - noise||^2 / size."""
    return (of.predicted - of.noise).square().flatten(1).mean(1)


def squared_norm(of: Prediction) -> torch.Tensor:
    """||predicted||^2 / size."""
    return of.predicted.square().flatten(1).mean(1)


def mean(of: Prediction) -> torch.Tensor:
    """Mean of the prediction."""
    return of.predicted.flatten(1).mean(1)


def l1(of: Prediction) -> torch.Tensor:
    """||predicted||_1."""
    return of.predicted.flatten(1).norm(1, dim=1)


def l2(of: Prediction) -> torch.Tensor:
    """||predicted||_2."""
    return of.predicted.flatten(1).norm(2, dim=1)


def linf(of: Prediction) -> torch.Tensor:
    """Max |predicted|."""
    return of.predicted.flatten(1).abs().amax(1)


def elbo(of: Prediction) -> torch.Tensor:
    """The loss as the variational bound weighs it (Ho et al. 2020, arXiv 2006.11239, eq. 12)."""
    weights = of.schedule.variational_weights
    return weights.to(of.predicted.device)[of.timesteps] * loss(of)


class GradientFunction(Implementation):
    """A function of the predicted noise of noised images, whose gradients are features."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """(n,) one number for each noised image."""
        raise NotImplementedError


class Loss(GradientFunction):
    """The denoising loss, as of TRAK."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `loss`."""
        return loss(of)


class SquaredNorm(GradientFunction):
    """The squared norm of the prediction, as of D-TRAK."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `squared_norm`."""
        return squared_norm(of)


class Mean(GradientFunction):
    """The mean of the prediction, as of DAS."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `mean`."""
        return mean(of)


class L1(GradientFunction):
    """The l1 norm of the prediction."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `l1`."""
        return l1(of)


class L2(GradientFunction):
    """The l2 norm of the prediction."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `l2`."""
        return l2(of)


class Linf(GradientFunction):
    """The largest absolute value of the prediction."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `linf`."""
        return linf(of)


class Elbo(GradientFunction):
    """The denoising loss as the variational bound weighs it."""

    def __call__(self, of: Prediction) -> torch.Tensor:
        """See `elbo`."""
        return elbo(of)
