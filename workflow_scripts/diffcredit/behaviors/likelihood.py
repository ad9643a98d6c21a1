"""Likelihood of given images under a model, by its probability-flow ODE."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diffcredit.behaviors.measure import ModelMeasure
from diffcredit.config.sections import Count
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.behaviors.extractor import Extractor
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.models.checkpoints import Trained


class Likelihood(ModelMeasure):
    """Negative log-likelihood in bits per dimension (Song et al. 2021, arXiv 2011.13456, sec. 4.3).

    With alpha^2 + sigma^2 = 1 and the signal-to-noise ratio alpha / sigma = exp(-u), the ODE of
    the variance-preserving process reads, whatever its schedule,

        dx/du = sigma (eps(x, u) - sigma x),    d log p(x)/du = -trace of the Jacobian of dx/du.

    The ODE is integrated from the cleanest level of the schedule to its noisiest, where p is N(0,
    I). Between two levels u is linear in the network's timestep, so that u equals the trained level
    at integer timesteps, however few there are. For a continuous process with linear beta(t) this
    means t = (timestep + 1) / T up to terms of second order in beta / T.

    The Runge-Kutta method of order 4 takes steps of equal length in u. With adaptive steps, chosen
    by an error over the batch, the value of an image would depend on the other images.
    """

    needs, better = None, "lower"
    requires = frozenset({"pixel_density"})

    class Options(ModelMeasure.Options):
        """How the ODE is solved, and whether images are dequantized.

        Each step evaluates the network four times. The probes are random signs for an unbiased
        estimate of the trace (Hutchinson); an image has the same probes at all levels and for all
        models. "exact" computes the trace itself, with c h w backward passes instead of one per
        probe. With ``dequantize`` each pixel is sampled uniformly from its 256th of [-1, 1], as
        Song et al. do, so that the value bounds the likelihood of discrete pixels. Without it, the
        value is the density at the pixels themselves, as in SISS (Alberti et al. 2025, arXiv
        2503.01034), and can be far lower.
        """

        steps: Count = Field(20, description="Runge-Kutta steps of the ODE, 1 or more")
        probes: Count | Literal["exact"] = Field(
            1, description="random probes of the divergence for an image, 1 or more; or exact"
        )
        dequantize: bool = Field(
            True, description="true draws each pixel from its 256th of the range; false leaves it"
        )

    def prepare(
        self, images: torch.Tensor, setting: QuerySettings, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 images, and how models are queried."""
        options = self.options
        steps, probes, dequantize = options.steps, options.probes, options.dequantize
        generator = torch.Generator().manual_seed(setting.seed)
        draws = [_draw(image, 0 if probes == "exact" else probes, generator) for image in images]
        within = torch.stack([draw[0] for draw in draws])
        family = setting.family
        if dequantize:
            self.images = family.dequantize(images, within)
        else:
            self.images = family.clean(family.encode(images))
        self.signs = torch.stack([draw[1] for draw in draws], dim=1)
        self.exact = probes == "exact"
        self.setting = setting
        self.levels = family.schedule.log_noise_to_signal
        self.grid = np.linspace(self.levels[0], self.levels[-1], 2 * steps + 1)

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) bits per dimension of n images; a uniform density on [-1, 1] gives log2(256) = 8."""
        network = trained.copy().network.to(self.setting.device).eval().requires_grad_(False)
        size = self.setting.batch_size
        parts = zip(self.images.split(size), self.signs.split(size, dim=1), strict=True)
        logs = torch.cat([self._log_density(network, *part) for part in parts])
        return (7 - logs / (self.images[0].numel() * math.log(2))).cpu().numpy()

    def _log_density(
        self, network: torch.nn.Module, images: torch.Tensor, signs: torch.Tensor
    ) -> torch.Tensor:
        """(b,) natural logarithms of the density of (b, c, h, w) images, float64."""
        x = images.to(self.setting.device).double()
        probes = self._probes(signs.to(self.setting.device))
        gained = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for start, middle, end in zip(
            self.grid[:-1:2], self.grid[1::2], self.grid[2::2], strict=True
        ):
            length = end - start
            v1, d1 = self._slope(network, x, start, probes)
            v2, d2 = self._slope(network, x + length / 2 * v1, middle, probes)
            v3, d3 = self._slope(network, x + length / 2 * v2, middle, probes)
            v4, d4 = self._slope(network, x + length * v3, end, probes)
            x = x + length / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
            gained += length / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        return gained - (x.square() + math.log(2 * math.pi)).flatten(1).sum(1) / 2

    def _probes(self, signs: torch.Tensor) -> torch.Tensor:
        """(k, b, c, h, w) vectors v such that the mean of v J v equals, or estimates, the trace of
        J.

        For the exact trace they are the axes, scaled by the square root of their number.
        """
        if not self.exact:
            return signs.float()
        _, *shape = signs.shape
        size = math.prod(shape[1:])
        axes = math.sqrt(size) * torch.eye(size, device=signs.device).reshape(size, 1, *shape[1:])
        return axes.expand(size, *shape)

    def _slope(
        self, network: torch.nn.Module, x: torch.Tensor, u: float, probes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, c, h, w) dx/du, and its divergence (b,)."""
        sigma = math.sqrt(1 / (1 + math.exp(-2 * u)))
        timestep = float(np.interp(u, self.levels, np.arange(len(self.levels))))
        with torch.enable_grad():
            given = x.float().requires_grad_()
            timesteps = torch.full((len(x),), timestep, device=x.device)
            noise = self.setting.family.predict(network, given, timesteps)
            traces = [
                (torch.autograd.grad(noise, given, probe, retain_graph=True)[0] * probe)
                .flatten(1)
                .sum(1)
                for probe in probes
            ]
        trace = torch.stack(traces).double().mean(0)
        slope = sigma * (noise.detach().double() - sigma * x)
        return slope, sigma * (trace - sigma * x[0].numel())


def _draw(
    image: torch.Tensor, probes: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The offset of each pixel of an image within its 256th, and (probes, c, h, w) random signs."""
    within = torch.rand(image.shape, generator=generator)
    signs = torch.randint(2, (probes, *image.shape), generator=generator, dtype=torch.int8)
    return within, 2 * signs - 1
