"""Removal distributions: which contributors are kept.

A coalition is a mask over the N contributors (True: kept). Coalition number i depends on the
distribution, its seed and i alone, so asking for more coalitions never changes those that exist.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import gammaln

from diffcredit.config import (
    AddOneIn,
    Datamodel,
    Distribution,
    Everyone,
    LeaveOneOut,
    Listed,
    Nobody,
    Section,
    Shapley,
    Uniform,
    lists,
)
from diffcredit.config.coalition_checks import datamodel_size, impossible
from diffcredit.config.names import shortened
from diffcredit.errors import UserError
from diffcredit.logs import logger
from diffcredit.seeds import derive


def shapley_size_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) for s = 0..N of the Shapley kernel: ~ (N-1) / (s (N-s)) on 1..N-1.

    Covert & Lee 2021 (arXiv 2012.01536), eq. 5, summed over the coalitions of one size.
    """
    sizes = np.arange(1, contributors)
    weight = np.zeros(contributors + 1)
    weight[1:contributors] = (contributors - 1) / (sizes * (contributors - sizes))
    return weight / weight.sum()


def leverage_size_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) in proportion to the leverage of the coalitions of a size: uniform on 1..N-1.

    Musco & Witter (arXiv 2410.01917): the scores of all coalitions of one size add up to the same
    for every size.
    """
    probabilities = np.zeros(contributors + 1)
    probabilities[1:contributors] = 1 / (contributors - 1)
    return probabilities


#: Steps of this fraction of the unit interval fill it evenly, however many they are.
GOLDEN_RATIO = (5**0.5 - 1) / 2

#: So many pairs of balanced coalitions are evened together.
BLOCK = 10

SHAPLEY_SAMPLING = {
    "kernel": shapley_size_probabilities,
    "leverage": leverage_size_probabilities,
}


def log_size_probabilities(distribution: Distribution, contributors: int) -> np.ndarray:
    """Logarithm of P(|S| = s), shape (N + 1,), of any distribution; uniform given the size.

    A list of coalitions counts as drawn uniformly from all of them (so that the complete list gives
    the exact values) or, where it says so, from the Shapley kernel.
    """
    return _LOG_SIZES[type(distribution)](distribution, contributors)


def _log(probabilities: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def _log_uniform(contributors: int) -> np.ndarray:
    """C(N, s) / 2^N in logarithms: 2^-N itself is 0 for thousands of contributors."""
    sizes = np.arange(contributors + 1)
    ways = gammaln(contributors + 1) - gammaln(sizes + 1) - gammaln(contributors - sizes + 1)
    return ways - contributors * np.log(2)


def _log_one(contributors: int, size: int) -> np.ndarray:
    return _log(np.arange(contributors + 1) == size)


_LOG_SIZES: dict[type[Section], Callable[..., np.ndarray]] = {
    Shapley: lambda d, n: _log(SHAPLEY_SAMPLING[d.sampling](n)),
    Uniform: lambda d, n: _log_uniform(n),
    Listed: lambda d, n: (
        _log_uniform(n) if d.drawn == "uniform" else _log(shapley_size_probabilities(n))
    ),
    Datamodel: lambda d, n: _log_one(n, datamodel_size(n, d.alpha)),
    LeaveOneOut: lambda d, n: _log_one(n, n - 1),
    AddOneIn: lambda d, n: _log_one(n, 1),
    Everyone: lambda d, n: _log_one(n, n),
    Nobody: lambda d, n: _log_one(n, 0),
}


def importance(masks: np.ndarray, wanted: Distribution, drawn: Distribution) -> np.ndarray:
    """Probability under the wanted distribution / that under the one drawn from, (m,), mean 1.

    0 for coalitions of sizes that the wanted distribution does not have.

    Args:
        masks: (m, N) coalitions.
        wanted: the distribution that an estimator is defined by.
        drawn: the one that the coalitions were drawn from.

    Raises:
        UserError: if ``drawn`` cannot have given a coalition, or no coalition has a weight.
    """
    contributors, sizes = masks.shape[1], masks.sum(axis=1)
    numerators = log_size_probabilities(wanted, contributors)[sizes]
    denominators = log_size_probabilities(drawn, contributors)[sizes]
    counted = ~np.isneginf(numerators)
    if not counted.any():
        raise UserError("every coalition keeps everybody or nobody, which tells nothing")
    if (impossible := sizes[counted & np.isneginf(denominators)]).size:
        raise UserError(
            f"distribution {drawn.distribution} has no coalitions of {impossible[0]} of "
            f"{contributors} contributors, but one is recorded"
        )
    logs = numerators[counted] - denominators[counted]
    weights = np.zeros(len(masks))
    weights[counted] = np.exp(logs - logs.max())
    return weights / weights.mean()


def _of_size(size: int, contributors: int, rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros(contributors, dtype=bool)
    mask[rng.choice(contributors, size, replace=False)] = True
    return mask


def _draw_shapley(d: Shapley, contributors: int, seed: int, number: int) -> np.ndarray:
    rng = np.random.default_rng(derive(seed, number))
    probabilities = SHAPLEY_SAMPLING[d.sampling](contributors)
    return _of_size(int(rng.choice(contributors + 1, p=probabilities)), contributors, rng)


def _draw_uniform(d: Uniform, contributors: int, seed: int, number: int) -> np.ndarray:
    return np.random.default_rng(derive(seed, number)).random(contributors) < 0.5


def _draw_datamodel(d: Datamodel, contributors: int, seed: int, number: int) -> np.ndarray:
    rng = np.random.default_rng(derive(seed, number))
    return _of_size(datamodel_size(contributors, d.alpha), contributors, rng)


_DRAWS: dict[type[Section], Callable[..., np.ndarray]] = {
    Shapley: _draw_shapley,
    Uniform: _draw_uniform,
    Datamodel: _draw_datamodel,
    LeaveOneOut: lambda d, contributors, seed, number: np.arange(contributors) != number,
    AddOneIn: lambda d, contributors, seed, number: np.arange(contributors) == number,
    Everyone: lambda d, contributors, seed, number: np.ones(contributors, dtype=bool),
    Nobody: lambda d, contributors, seed, number: np.zeros(contributors, dtype=bool),
}


def _paired(distribution: Distribution) -> bool:
    return isinstance(distribution, Shapley | Uniform) and distribution.paired


def _masks(
    distribution: Distribution, contributors: int, seed: int, indices: np.ndarray
) -> np.ndarray:
    """Coalitions of these numbers, (m, N). Lists are read, not drawn."""
    numbers, complement = np.divmod(indices, 2) if _paired(distribution) else (indices, 0 * indices)
    if isinstance(distribution, Shapley) and distribution.balanced:
        pairs = numbers.max(initial=-1) + 1
        masks = balanced_firsts(distribution, contributors, seed, pairs)[numbers]
    else:
        draw = _DRAWS[type(distribution)]
        masks = np.array(
            [draw(distribution, contributors, seed, int(n)) for n in numbers], dtype=bool
        )
    return masks ^ (complement == 1)[:, None]


def balanced_firsts(d: Shapley, contributors: int, seed: int, pairs: int) -> np.ndarray:
    """The first coalition of each pair, (pairs, N), drawn so that all contributors' loads are even.

    The load of a contributor is the sum of |S| over the coalitions S that keep it, each weighted as
    for Shapley values (here, less what a pair adds to everybody's). Where loads are even, what is
    linear in |S|, such as the line from an extreme v(none) to the other coalitions, takes no part
    in the differences between values, once there are more pairs than contributors.

    The larger coalition of a pair goes to those with the least load so far, by lot where loads are
    equal; of a block the pairs come first whose two sizes differ most, and the others even out what
    they leave. Each coalition by itself is distributed as in independent pairs: the lot makes all
    of one size equally likely, and sizes are places of a lattice with a random start.
    """
    probabilities = SHAPLEY_SAMPLING[d.sampling](contributors)
    rng = np.random.default_rng(derive(seed, "balanced"))
    limits = probabilities.cumsum()
    blocks = np.arange(BLOCK * -(-pairs // BLOCK)) // BLOCK
    places = (rng.random() + GOLDEN_RATIO * np.arange(len(blocks))) % 1
    sizes = np.searchsorted(limits / limits[-1], places, side="right")
    weights = shapley_size_probabilities(contributors)[sizes] / probabilities[sizes]
    loads = np.zeros(contributors)
    larger = np.maximum(sizes, contributors - sizes)
    masks = np.zeros((len(sizes), contributors), dtype=bool)
    steps = weights * (2 * larger - contributors)
    for pair in np.lexsort((-steps, blocks)):
        least_first = np.lexsort((rng.random(contributors), loads))
        masks[pair, least_first[: larger[pair]]] = True
        loads += steps[pair] * masks[pair]
    return (masks ^ (sizes < larger)[:, None])[:pairs]


def table(
    distribution: Distribution,
    contributors: int,
    seed: int,
    numbers: Iterable[int],
    names: Sequence[str] = (),
) -> pd.DataFrame:
    """Coalitions of these numbers: columns index, seed, pair and mask.

    Rows of one pair (a coalition and its complement) are one draw and share their pair number.

    Args:
        distribution: what they are drawn from.
        contributors: N.
        seed: of the draws, and of the seeds of the models.
        numbers: which coalitions.
        names: of the N contributors, by which a list of coalitions may call them.

    Raises:
        UserError: if the distribution is impossible with so many contributors, or a list wrong.
    """
    _check_possible(distribution, contributors)
    indices = np.array(numbers, dtype=int)
    if isinstance(distribution, Listed):
        masks = [np.array(m) for m in lists.masks(Path(distribution.path), names, indices)]
    else:
        masks = list(_masks(distribution, contributors, seed, indices))
    return pd.DataFrame(
        {
            "index": indices,
            "seed": [derive(seed, int(i)) for i in indices],
            "pair": indices // 2 if _paired(distribution) else indices,
            "mask": masks,
        }
    )


def tell(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Log whom each coalition of a table keeps and whom it removes, by name."""
    for index, mask in zip(table["index"], table["mask"], strict=True):
        kept = shortened(name for name, stays in zip(names, mask, strict=True) if stays)
        gone = shortened(name for name, stays in zip(names, mask, strict=True) if not stays)
        logger.debug("coalition %d keeps %s; removes %s", index, kept or "nobody", gone or "nobody")


def _check_possible(distribution: Distribution, contributors: int) -> None:
    if (wrong := impossible(distribution, contributors)) is None:
        return
    value = contributors if wrong.key == "contributors" else getattr(distribution, wrong.key)
    raise UserError(f"{wrong.key} = {value}: {wrong.accepted}\n    Hint: {wrong.hint}")
