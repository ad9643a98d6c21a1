"""The table of coalitions, and their importance weights under other distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from diffcredit.coalitions.distribution import Distribution
from diffcredit.config.names import shortened
from diffcredit.errors import UserError
from diffcredit.lazy import pd
from diffcredit.logs import logger
from diffcredit.seeds import derive


def table(
    distribution: Distribution,
    contributors: int,
    seed: int,
    numbers: Iterable[int],
    names: Sequence[str] = (),
) -> pd.DataFrame:
    """The coalitions with given numbers: columns index, seed, pair and mask.

    Rows of one pair (a coalition and its complement) are one draw and share their pair number.

    Args:
        distribution: the removal distribution.
        contributors: N.
        seed: of the draws, and of the seeds of the models.
        numbers: of the coalitions.
        names: of the N contributors, for lists of coalitions by name.

    Raises:
        UserError: if the distribution is impossible for N contributors, or a list is wrong.
    """
    _check_possible(distribution, contributors)
    indices = np.array(numbers, dtype=int)
    pairs = indices // 2 if distribution.paired else indices
    complement = indices % 2 == 1 if distribution.paired else np.zeros(len(indices), dtype=bool)
    masks = distribution.draws(contributors, seed, pairs, names) ^ complement[:, None]
    return pd.DataFrame(
        {
            "index": indices,
            "seed": [derive(seed, int(i)) for i in indices],
            "pair": pairs,
            "mask": list(masks),
        }
    )


def tell(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Log the kept and the removed contributors of each coalition, by name."""
    for index, mask in zip(table["index"], table["mask"], strict=True):
        kept = shortened(name for name, stays in zip(names, mask, strict=True) if stays)
        gone = shortened(name for name, stays in zip(names, mask, strict=True) if not stays)
        logger.debug("coalition %d keeps %s; removes %s", index, kept or "nobody", gone or "nobody")


def importance(masks: np.ndarray, target: Distribution, sampled: Distribution) -> np.ndarray:
    """(m,) importance weights: target probability / sampling probability, scaled to mean 1.

    Coalitions of sizes that the target distribution does not have get weight 0.

    Args:
        masks: (m, N) coalitions.
        target: the distribution that defines an estimator.
        sampled: the distribution that the coalitions were sampled from.

    Raises:
        UserError: if ``sampled`` has probability 0 for a coalition, or all weights are 0.
    """
    contributors, sizes = masks.shape[1], masks.sum(axis=1)
    numerators = target.log_size_probabilities(contributors)[sizes]
    denominators = sampled.log_size_probabilities(contributors)[sizes]
    counted = ~np.isneginf(numerators)
    if not counted.any():
        raise UserError("every coalition keeps everybody or nobody, which tells nothing")
    if (impossible := sizes[counted & np.isneginf(denominators)]).size:
        raise UserError(
            f"distribution {sampled.name} has no coalitions of {impossible[0]} of "
            f"{contributors} contributors, but one is recorded"
        )
    logs = numerators[counted] - denominators[counted]
    weights = np.zeros(len(masks))
    weights[counted] = np.exp(logs - logs.max())
    return weights / weights.mean()


def _check_possible(distribution: Distribution, contributors: int) -> None:
    if (wrong := distribution.impossible(contributors)) is None:
        return
    of_data = wrong.key == "contributors"
    value = contributors if of_data else getattr(distribution.options, wrong.key)
    raise UserError(f"{wrong.key} = {value}: {wrong.accepted}\n    Hint: {wrong.hint}")
