"""NDA: the weight of each training image in the optimal denoiser of a query, patch by patch.

Zhao et al. 2025, arXiv 2510.14269. Given a patch x_t of a noised image, the optimal denoiser of a
training set weights every patch y of the training set by softmax(-||x_t - sqrt(abar_t) y||^2 / (2
(1 - abar_t))). The score of an image is the total weight of its patches, averaged over the patches
of the query. No trained model is involved.

All patches of an image are summed. The authors' code (sail-sg/NDA) can restrict the sum to the
largest 100 or 1,000 weights of an image for each patch of the query; an image of 32 x 32 pixels has
1,024 patches.
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

#: Numbers in memory at a time (128 MiB), besides the weights of one query's patches.
HELD = 2**25
#: Training patches compared at a time.
COMPARED = 2**14


@dataclass(frozen=True)
class Scale:
    """Patches of one size, around every pixel.

    Attributes:
        size: side in pixels.
        pool: side of the squares of pixels that are averaged first; it divides the size.
    """

    size: int
    pool: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.pool < 1 or self.size % self.pool:
            raise UserError(
                f"patches of {self.size} pixels, seen by squares of {self.pool}: both must be 1 "
                "or more, and the squares must divide the patches"
            )


#: The scales of the paper for images of 32 x 32 pixels; patches of 14 pixels have half resolution.
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
    """The weight of each training image for each query.

    Weights are in single precision; at very low noise levels the weights of nearly equidistant
    patches are rounded.

    Args:
        queries: (q, c, h, w) in [-1, 1].
        train: (n, c, h, w) in [-1, 1], on the same device.
        timesteps: weights are averaged over these; the paper tries 100 to 500 of 1,000.
        schedule: the noise schedule.
        scales: sizes of patches; weights are averaged over them.
        stride: pixels between neighboring patches, of queries and of training images.
        seed: of the noises; a timestep has the same noise for every query.

    Returns:
        (q, n) float32, 0 or more; the rows sum to 1.

    Raises:
        UserError: if there are no images, or an option is out of range.
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
    """(c, h, w) noise from the CPU, so that it is the same on all devices."""
    generator = torch.Generator().manual_seed(derive(seed, "patches", timestep))
    return torch.randn(images.shape[1:], generator=generator)


def _weights(
    noised: torch.Tensor, train: torch.Tensor, alpha: torch.Tensor, scale: Scale, stride: int
) -> torch.Tensor:
    """(q, n) weights at one timestep, averaged over positions; rows sum to 1."""
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
    """Groups of positions whose patches cross the image border in the same way.

    Patches are compared only within a group. The paper's code pads images with a large number
    instead, which gives patches of other groups weight 0.
    """
    inside = _patches(torch.ones_like(images[:1, :1]), Scale(scale.size), stride)[0]
    _, group = torch.unique(inside, dim=0, return_inverse=True)
    return [torch.nonzero(group == number)[:, 0] for number in range(int(group.max()) + 1)]


def _patches(images: torch.Tensor, scale: Scale, stride: int) -> torch.Tensor:
    """(n, positions, numbers) patches around every pixel, row by row; 0 outside the image."""
    size = scale.size
    columns = torch.nn.functional.unfold(images, size, padding=(size - 1) // 2, stride=stride)
    if scale.pool == 1:
        return columns.mT
    squares = columns.mT.reshape(-1, images.shape[1], size, size)
    # Means are multiplied by the side, so that their noise has the same variance as that of pixels.
    pooled = torch.nn.functional.avg_pool2d(squares, scale.pool) * scale.pool
    return pooled.reshape(len(images), columns.shape[2], -1)


def _rows(patches: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Factors whose product with `_columns` is the logarithm of a weight, up to a row constant.

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
    """(queries, positions, images) logarithms of the total weights of each image's patches."""
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
    """The weights of patches in the optimal denoiser: NDA."""

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
