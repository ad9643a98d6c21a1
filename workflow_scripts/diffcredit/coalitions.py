"""Removal distributions: which contributors are kept.

A coalition is a mask over the N contributors (True: kept). Coalition number i depends on the
distribution, its seed and i alone, so asking for more coalitions never changes those that exist.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy.special import comb

from diffcredit.config import Datamodel, Everyone, Nobody, Section, Shapley
from diffcredit.errors import UserError
from diffcredit.seeds import derive


def shapley_size_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) for s = 0..N of the Shapley kernel: ~ (N-1) / (s (N-s)) on 1..N-1.

    Covert & Lee 2021 (arXiv 2012.01536), eq. 5, summed over the coalitions of one size.
    """
    sizes = np.arange(1, contributors)
    weight = np.zeros(contributors + 1)
    weight[1:contributors] = (contributors - 1) / (sizes * (contributors - sizes))
    return weight / weight.sum()


def datamodel_size(contributors: int, alpha: float) -> int:
    """Contributors kept by datamodel(alpha): floor(alpha N)."""
    return int(np.floor(alpha * contributors + 1e-9))  # 0.29 * 100 is 28.999999999999996


def size_probabilities(distribution: Section, contributors: int) -> np.ndarray:
    """P(|S| = s), shape (N + 1,), of any distribution."""
    if isinstance(distribution, Shapley):
        return shapley_size_probabilities(contributors)
    sizes = {
        Datamodel: lambda d: datamodel_size(contributors, d.alpha),
        Everyone: lambda d: contributors,
        Nobody: lambda d: 0,
    }
    probabilities = np.zeros(contributors + 1)
    probabilities[sizes[type(distribution)](distribution)] = 1.0
    return probabilities


def shapley_weights(masks: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Kernel weight / sampling probability of each coalition, shape (m,), with mean 1.

    Args:
        masks: (m, N) coalitions.
        probabilities: (N + 1,) P(|S| = s) under which they were drawn, uniform given the size.
    """
    sizes = masks.sum(axis=1)
    weights = shapley_size_probabilities(masks.shape[1])[sizes] / probabilities[sizes]
    return weights / weights.mean()


def every_coalition(contributors: int) -> tuple[np.ndarray, np.ndarray]:
    """All 2^N - 2 proper coalitions and their Shapley kernel weights (mean 1)."""
    numbers = np.arange(1, 2**contributors - 1)
    masks = (numbers[:, None] >> np.arange(contributors)) % 2 == 1
    sizes = masks.sum(axis=1)
    weights = shapley_size_probabilities(contributors)[sizes] / comb(contributors, sizes)
    return masks, weights / weights.mean()


def _of_size(size: int, contributors: int, rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros(contributors, dtype=bool)
    mask[rng.choice(contributors, size, replace=False)] = True
    return mask


def _draw_shapley(d: Shapley, contributors: int, seed: int, index: int) -> np.ndarray:
    draw, complement = divmod(index, 2) if d.paired else (index, 0)
    rng = np.random.default_rng(derive(seed, draw))
    size = int(rng.choice(contributors + 1, p=shapley_size_probabilities(contributors)))
    mask = _of_size(size, contributors, rng)
    return ~mask if complement else mask


def _draw_datamodel(d: Datamodel, contributors: int, seed: int, index: int) -> np.ndarray:
    rng = np.random.default_rng(derive(seed, index))
    return _of_size(datamodel_size(contributors, d.alpha), contributors, rng)


_DRAWS: dict[type[Section], Callable[..., np.ndarray]] = {
    Shapley: _draw_shapley,
    Datamodel: _draw_datamodel,
    Everyone: lambda d, contributors, seed, index: np.ones(contributors, dtype=bool),
    Nobody: lambda d, contributors, seed, index: np.zeros(contributors, dtype=bool),
}


def draw(distribution: Section, contributors: int, seed: int, index: int) -> np.ndarray:
    """Coalition number ``index``: a mask of shape (N,)."""
    return _DRAWS[type(distribution)](distribution, contributors, seed, index)


def table(
    distribution: Section, contributors: int, seed: int, numbers: Iterable[int]
) -> pd.DataFrame:
    """Coalitions of these numbers: columns index, seed, pair and mask.

    Rows of one pair (a coalition and its complement) are one draw and share their pair number.

    Raises:
        UserError: if the distribution is impossible with so few contributors.
    """
    if isinstance(distribution, Shapley) and contributors < 2:
        raise UserError(f"Shapley coalitions need 2 contributors or more; there are {contributors}")
    if isinstance(distribution, Datamodel) and not datamodel_size(contributors, distribution.alpha):
        least = np.ceil(1000 / contributors) / 1000
        raise UserError(
            f"alpha = {distribution.alpha} keeps none of {contributors} contributors\n"
            f"    Hint: floor(alpha N) must be at least 1: alpha >= {least}"
        )
    indices = np.array(numbers)
    paired = isinstance(distribution, Shapley) and distribution.paired
    return pd.DataFrame(
        {
            "index": indices,
            "seed": [derive(seed, int(i)) for i in indices],
            "pair": indices // 2 if paired else indices,
            "mask": [draw(distribution, contributors, seed, int(i)) for i in indices],
        }
    )
