"""The coalitions of `evaluation.regenerated`.

They remove the contributors that help an image most (its proponents), or random contributors.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diffcredit.coalitions.requested.ranking import RANDOM, numbered, without_top
from diffcredit.errors import UserError
from diffcredit.lazy import pd
from diffcredit.seeds import derive

#: Query of a coalition that serves all queries.
EVERY = -1


def ranked_coalitions(
    attribution: str,
    values: pd.DataFrame,
    sign: int,
    queries: int,
    remove: int,
    first: int,
    seed: int,
) -> pd.DataFrame:
    """Coalitions without the contributors that help each query most.

    Args:
        attribution: its name.
        values: rows of its table for one behavior.
        sign: -1 if lower values of the behavior are better, so that small values help; else 1.
        queries: number of queries, with one coalition each.
        remove: number of contributors that are removed for a query.
        first: number of the first coalition.
        seed: of the trainings; equal coalitions have equal training seeds.

    Returns:
        Columns index, seed, pair, mask (as of all coalitions), attribution, query.
    """
    wide = values.pivot(index="query", columns="contributor", values="value").to_numpy()
    _check(remove, wide.shape[1])
    rows = [(attribution, q, without_top(sign * wide[q], remove)) for q in range(queries)]
    return _coalitions(rows, first, seed)


def random_coalitions(
    contributors: int, draws: Iterable[int], remove: int, first: int, seed: int
) -> pd.DataFrame:
    """Coalitions without random contributors, each for all queries; columns as above.

    Args:
        contributors: their number.
        draws: numbers of the random draws, which are independent.
        remove: number of contributors that are removed.
        first: number of the first coalition.
        seed: of the draws and the trainings.
    """
    _check(remove, contributors)
    drawn = {d: np.random.default_rng(derive(seed, "draw", d)).random(contributors) for d in draws}
    rows = [(RANDOM, EVERY, without_top(helps, remove)) for helps in drawn.values()]
    return _coalitions(rows, first, seed)


def _check(remove: int, contributors: int) -> None:
    """Check that at least one contributor is kept."""
    if remove >= contributors:
        raise UserError(
            f"evaluation.regenerated.remove = {remove}: must be below the {contributors} "
            "contributors"
        )


def _coalitions(rows: list[tuple], first: int, seed: int) -> pd.DataFrame:
    return numbered(pd.DataFrame(rows, columns=["attribution", "query", "mask"]), first, seed)
