"""The attribution of contributors from scores of their images, with the best damping.

A score measures how much an image helps. For a behavior where lower is better, such as a loss, the
value is minus the score, so that the values of the kept contributors add up to the change of the
behavior.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from diffcredit.attribution.game import Estimate
from diffcredit.attribution.image_scores.arrays import by_contributor, read_scores
from diffcredit.attribution.table import to_table, with_credit
from diffcredit.behaviors.table import Behaviors, masks_of, pivot
from diffcredit.config import Behavior, ScoreAttribution
from diffcredit.logs import logger
from diffcredit.ranks import mean, spearman
from diffcredit.registry import Better


@dataclass(frozen=True)
class ExplainedBehavior:
    """A behavior, and the scores that explain it.

    Attributes:
        scores: (D, M, q, n); see `arrays`.
        better: which values of the behavior are good.
        whole: whether the behavior is global, so that queries are averaged.
    """

    scores: np.ndarray
    better: Better
    whole: bool

    @property
    def sign(self) -> int:
        """The sign, -1 or 1, that turns a score (how much an image helps) into a value."""
        return -1 if self.better == "lower" else 1


def values(
    explained: ExplainedBehavior, damping: int, contributor_ids: np.ndarray, groups: str
) -> np.ndarray:
    """(M, Q, N) values of the contributors, for Q = q queries or Q = 1 for a global behavior."""
    found = by_contributor(explained.scores[damping], contributor_ids, groups)
    if explained.whole:
        found = found.mean(axis=1, keepdims=True)
    return explained.sign * found


def attribute_scores(
    entry: ScoreAttribution,
    explained: Mapping[str, ExplainedBehavior],
    contributor_ids: np.ndarray,
    measured: Behaviors | None,
    average: str = "correlations",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The attribution of all behaviors, and the LDS of each damping.

    Args:
        entry: of the configuration.
        explained: by behavior.
        contributor_ids: (n,) contributor of each training image.
        measured: behaviors of the coalitions on which a damping is chosen; None for a
            single damping.
        average: as of `lds_by_damping`.

    Returns:
        The table as of `table.with_credit`, strength being the damping; standard errors over the
        models, NaN for one. And columns behavior, damping, lds (on the coalitions that it is
        chosen on; NaN without), chosen.
    """
    tables, grids = [], []
    for behavior, of in explained.items():
        scores = np.full(len(entry.dampings), np.nan)
        if measured is not None:
            of_behavior = measured.of_behavior(behavior)
            scores = lds_by_damping(of, contributor_ids, entry.groups, of_behavior, average)
        chosen = _best(scores, f"{behavior}: dampings {entry.dampings}")
        found = values(of, chosen, contributor_ids, entry.groups)
        tables.append(_table(behavior, found, entry.dampings[chosen]))
        grid = {"behavior": behavior, "damping": entry.dampings, "lds": scores}
        grids.append(pd.DataFrame(grid).assign(chosen=np.arange(len(scores)) == chosen))
    better = {name: of.better for name, of in explained.items()}
    table = with_credit(pd.concat(tables, ignore_index=True), better)
    return table, pd.concat(grids, ignore_index=True)


def _best(scores: np.ndarray, told: str) -> int:
    """Number of the largest score; the first where there is one damping alone."""
    if len(scores) == 1:
        return 0
    if not np.isfinite(scores).any():
        logger.warning(
            "%s: none has an LDS on the coalitions to choose on; the first is taken", told
        )
        return 0
    best = int(np.nanargmax(scores))
    if best in (0, len(scores) - 1):
        logger.warning("%s: the best is at the end of the grid; a wider one may do better", told)
    return best


def lds_by_damping(
    explained: ExplainedBehavior,
    contributor_ids: np.ndarray,
    groups: str,
    measured: Behaviors,
    average: str = "correlations",
) -> np.ndarray:
    """(D,) LDS of each damping: rank correlation of sums of values with measured behaviors.

    Args:
        explained: scores by every damping.
        contributor_ids: (n,) contributor of each training image.
        groups: how the scores of a contributor's images are aggregated.
        measured: the behavior of the coalitions.
        average: what is averaged over training seeds, "correlations" or "values"; see
            `diffcredit.evaluation.lds`.
    """
    wide, masks = pivot(measured).sort_index(axis=1), masks_of(measured)
    coalitions, seeds = (wide.index.get_level_values(n) for n in ("coalition", "training_seed"))
    trainings = [seeds == seed for seed in seeds.unique()]
    truth = wide.to_numpy()
    if average == "values":
        first = ~coalitions.duplicated()
        truth, masks = wide.groupby(level="coalition").mean().to_numpy(), masks[first]
        trainings = [np.ones(len(masks), dtype=bool)]
    found = []
    for damping in range(len(explained.scores)):
        mean_values = values(explained, damping, contributor_ids, groups).mean(axis=0)
        predicted = masks @ mean_values.T
        by_seed = [mean(spearman(predicted[used], truth[used]), axis=0) for used in trainings]
        found.append(np.mean(by_seed))
    return np.array(found)


def _table(behavior: str, found: np.ndarray, damping: float) -> pd.DataFrame:
    """The table of (M, Q, N) values."""
    models, queries, _ = found.shape
    errors = np.full(found.shape[1:], np.nan)
    if models > 1:
        errors = found.std(axis=0, ddof=1) / np.sqrt(models)
    estimate = Estimate(found.mean(axis=0).T, errors.T, np.full(queries, damping))
    columns = pd.MultiIndex.from_product([[behavior], range(queries)], names=["behavior", "query"])
    return to_table(estimate, columns)


def explained(
    entry: ScoreAttribution, behaviors: Mapping[str, Behavior], folder: Path
) -> dict[str, ExplainedBehavior]:
    """The behaviors that an entry explains, with their scores.

    Args:
        entry: of the configuration.
        behaviors: the entries of its behaviors.
        folder: of their scores.
    """
    return {
        name: ExplainedBehavior(
            scores=read_scores(folder, name if behavior.queried else str(entry.queries)),
            better=behavior.better,
            whole=not behavior.queried,
        )
        for name, behavior in behaviors.items()
    }


def chosen_scores(
    entry: ScoreAttribution, folder: Path, behavior: str, attribution: pd.DataFrame
) -> np.ndarray:
    """(q, n) scores of single images at the damping of an attribution, averaged over models."""
    strength = attribution.loc[attribution["behavior"] == behavior, "strength"].iloc[0]
    number = int(np.argmin(np.abs(np.array(entry.dampings) - strength)))
    return read_scores(folder, behavior)[number].mean(axis=0)
