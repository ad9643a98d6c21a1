"""NDA: how much each training image weighs in the best denoiser of a query, patch by patch.

Zhao et al. 2025, arXiv 2510.14269. The denoiser that fits a training set best, seeing a patch x_t
of a noised image, weighs every patch y of the training set by
softmax(-||x_t - sqrt(abar_t) y||^2 / (2 (1 - abar_t))). The score of an image is what its patches
weigh together, averaged over the patches of the query. No model is asked.

All patches of an image count. The authors' code (sail-sg/NDA) can sum the largest 100 or 1,000 of
an image's weights for each patch of the query; an image of 32 x 32 pixels has 1,024 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from diffcredit.attribution.image_scores.method import ScoreMethod
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count, Natural, Section
from diffcredit.errors import UserError
from diffcredit.lazy import torch
from diffcredit.seeds import derive

if TYPE_CHECKING:
    from diffcredit.config import Config
    from diffcredit.models.diffusion import NoiseSchedule

#: Numbers that are held at a time, 128 MiB of them, but for the weights of one query's patches.
HELD = 2**25
#: Training patches that are compared at a time.
COMPARED = 2**14


@dataclass(frozen=True)
class Scale:
    """Patches of one size, around every pixel.

    Attributes:
        size: side in pixels.
        pool: side of the squares of pixels that are seen as one; it divides the size.
    """

    size: int
    pool: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.pool < 1 or self.size % self.pool:
            raise UserError(
                f"patches of {self.size} pixels, seen by squares of {self.pool}: both must be 1 "
                "or more, and the squares must divide the patches"
            )


#: Those of the paper, for images of 32 x 32 pixels; patches of 14 are seen at half the resolution.
TWO_SCALES = (Scale(7), Scale(14, pool=2))


def patch_weights(
    queries: torch.Tensor,
    train: torch.Tensor,
    timesteps: Sequence[int],
    schedule: NoiseSchedule,
    scales: Sequence[Scale] = TWO_SCALES,
    stride: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """What each training image weighs for each query.

    In single precision: at noise levels where nearly no noise is left, weights of patches that are
    as near as one another are rounded.

    Args:
        queries: (q, c, h, w) in [-1, 1].
        train: (n, c, h, w) in [-1, 1], on the same device.
        timesteps: over which is averaged; the paper tries 100 to 500 of 1,000.
        schedule: how noise is added.
        scales: sizes of patches over which is averaged.
        stride: pixels from a patch to the next, of queries and of training images.
        seed: of the noises, that of a timestep the same for every query.

    Returns:
        (q, n) float32, 0 or more; the rows sum to 1.

    Raises:
        UserError: if there is nothing to weigh or an option is out of range.
    """
    _check(queries, train, timesteps, schedule.num_train_timesteps, scales, stride)
    alphas = schedule.alpha[list(timesteps)].to(train.device)
    noise = torch.stack([_noise(queries, seed, timestep) for timestep in timesteps])
    total = train.new_zeros(len(queries), len(train))
    for alpha, added in zip(alphas, noise.to(train.device), strict=True):
        noised = alpha * queries + (1 - alpha**2).sqrt() * added
        for scale in scales:
            total += _weights(noised, train, alpha, scale, stride)
    return (total / (len(timesteps) * len(scales))).cpu().numpy()


def _check(
    queries: torch.Tensor,
    train: torch.Tensor,
    timesteps: Sequence[int],
    num_train_timesteps: int,
    scales: Sequence[Scale],
    stride: int,
) -> None:
    if not len(queries) or not len(train):
        raise UserError(
            f"{len(train)} images and {len(queries)} queries: there is nothing to score"
        )
    if queries.shape[1:] != train.shape[1:]:
        raise UserError(
            f"images of shape {tuple(train.shape[1:])}, queries of {tuple(queries.shape[1:])}: "
            "both must be of one shape"
        )
    last = num_train_timesteps - 1
    if not len(timesteps) or not all(0 <= timestep <= last for timestep in timesteps):
        raise UserError(f"timesteps = {list(timesteps)}: must be one or more of 0 to {last}")
    if not len(scales):
        raise UserError("scales: must be one or more")
    if stride < 1:
        raise UserError(f"stride = {stride}: must be 1 or more")


def _noise(images: torch.Tensor, seed: int, timestep: int) -> torch.Tensor:
    """(c, h, w) on the CPU, so that devices do not differ."""
    generator = torch.Generator().manual_seed(derive(seed, "patches", timestep))
    return torch.randn(images.shape[1:], generator=generator)


def _weights(
    noised: torch.Tensor, train: torch.Tensor, alpha: torch.Tensor, scale: Scale, stride: int
) -> torch.Tensor:
    """(q, n) weights at one timestep, averaged over places; rows sum to 1."""
    groups = _groups(train, scale, stride)
    places = sum(len(group) for group in groups)
    numbers = train.shape[1] * scale.size**2
    queries_at_once = max(1, HELD // (places * max(len(train), numbers)))
    train_at_once = max(1, COMPARED // places)
    found = []
    for some in noised.split(queries_at_once):
        rows = _rows(_patches(some, scale, stride), alpha)
        logarithms = torch.cat(
            [
                _compare(rows, _columns(_patches(part, scale, stride)), groups)
                for part in train.split(train_at_once)
            ],
            dim=2,
        )
        found.append(logarithms.softmax(2).mean(1))
    return torch.cat(found)


def _groups(images: torch.Tensor, scale: Scale, stride: int) -> list[torch.Tensor]:
    """The numbers of places whose patches are alike inside of the image.

    Patches are compared with those alone that stand out of their image by as much: all others,
    which the paper's code holds apart by a large number at what stands out, weigh nothing.
    """
    inside = _patches(torch.ones_like(images[:1, :1]), Scale(scale.size), stride)[0]
    _, group = torch.unique(inside, dim=0, return_inverse=True)
    return [torch.nonzero(group == number)[:, 0] for number in range(int(group.max()) + 1)]


def _patches(images: torch.Tensor, scale: Scale, stride: int) -> torch.Tensor:
    """(n, places, numbers) patches around every pixel, row by row; 0 outside of the image."""
    size = scale.size
    columns = torch.nn.functional.unfold(images, size, padding=(size - 1) // 2, stride=stride)
    if scale.pool == 1:
        return columns.mT
    squares = columns.mT.reshape(-1, images.shape[1], size, size)
    # Times the side: means of squares, of which the noise is as large as that of pixels.
    pooled = torch.nn.functional.avg_pool2d(squares, scale.pool) * scale.pool
    return pooled.reshape(len(images), columns.shape[2], -1)


def _rows(patches: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """What times `_columns` gives the logarithm of a weight, up to a constant of each row.

    -||x - s y||^2 / (2 v) without ||x||^2, which is the same for every y, is linear in y and in
    ||y||^2.
    """
    variance = 1 - alpha**2
    norms = (-(alpha**2) / (2 * variance)).expand(*patches.shape[:2], 1)
    return torch.cat([patches * (alpha / variance), norms], 2)


def _columns(patches: torch.Tensor) -> torch.Tensor:
    return torch.cat([patches, patches.square().sum(2, keepdim=True)], 2)


def _compare(
    rows: torch.Tensor, columns: torch.Tensor, groups: Sequence[torch.Tensor]
) -> torch.Tensor:
    """(queries, places, images) logarithms of the weights of the patches of each image."""
    return torch.cat([_compare_group(rows[:, group], columns[:, group]) for group in groups], 1)


def _compare_group(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    images, places, _ = columns.shape
    at_once = max(1, HELD // (images * places))
    parts = [
        (part @ columns.flatten(0, 1).T).unflatten(1, (images, places)).logsumexp(2)
        for part in rows.flatten(0, 1).split(at_once)
    ]
    return torch.cat(parts).unflatten(0, (len(rows), places))


class PatchScale(Section):
    """Patches of one size."""

    size: Count = Field(description="side of a patch in pixels, 1 to data.image_size")
    pool: Count = Field(
        1, description="side of the squares of pixels that are seen as one; divides size"
    )


class Patches(ScoreMethod):
    """The weights of patches in the best denoiser: NDA."""

    made_of = "pixels"

    class Options(ScoreMethod.Options):
        """How images are compared by their patches."""

        scales: Annotated[list[PatchScale], Field(min_length=1)] = Field(
            [PatchScale(size=3)],
            description="a list of {size: ..., pool: 1}, over which is averaged",
        )
        timesteps: Annotated[list[Natural], Field(min_length=1)] = Field(
            [100, 300, 500], description="noise levels, each 0 or more and below model.timesteps"
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """Patches fit into the images, squares into patches, timesteps into the schedule."""
            side, count = config.data.image_size, config.model.timesteps
            found = []
            for scale in self.scales:
                if scale.size > side:
                    accepted = f"must not exceed data.image_size = {side}"
                    found.append(problem(f"{key}.scales.size", scale.size, accepted))
                if scale.size % scale.pool:
                    accepted = f"must divide size = {scale.size}"
                    found.append(problem(f"{key}.scales.pool", scale.pool, accepted))
            found += [
                problem(f"{key}.timesteps", t, f"must be below model.timesteps = {count}")
                for t in self.timesteps
                if t >= count
            ]
            return found

    def __call__(
        self, queries: torch.Tensor, train: torch.Tensor, schedule: NoiseSchedule, seed: int
    ) -> np.ndarray:
        """(q, n) scores of (n, c, h, w) training images in [-1, 1] for (q, c, h, w) queries."""
        return patch_weights(
            queries,
            train,
            self.options.timesteps,
            schedule,
            [Scale(scale.size, scale.pool) for scale in self.options.scales],
            seed=seed,
        )
