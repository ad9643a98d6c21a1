"""From tables of behaviors to the table of an attribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from diffcredit.attribution.game import Correction, Estimate, Game
from diffcredit.behaviors.table import Behaviors, masks_of, pairs_of, pivot
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.table import importance
from diffcredit.config import RemovalAttribution
from diffcredit.config.attribution_checks import LEAST_TO_FIT
from diffcredit.errors import UserError
from diffcredit.registry import DISTRIBUTIONS, ESTIMATORS, Better

#: Sign that turns a value into credit.
SIGNS: dict[Better, float] = {"lower": -1.0, "higher": 1.0, None: np.nan}


@dataclass(frozen=True)
class Corrections:
    """Behaviors of the few coalitions that both approaches have.

    Attributes:
        cheap: behaviors by the cheap approach.
        exact: behaviors by the exact approach.
        exact_full: v(all) by the exact approach.
        distribution: removal distribution of these coalitions.
    """

    cheap: Behaviors
    exact: Behaviors
    exact_full: Behaviors
    distribution: Distribution


def fit(
    attribution: RemovalAttribution,
    tables: Mapping[str, Behaviors],
    distributions: Mapping[str, Distribution],
) -> pd.DataFrame:
    """The table of an attribution from the behaviors that it refers to.

    Args:
        attribution: its entry in the configuration.
        tables: behaviors by role, as of ``attribution.references``.
        distributions: removal distribution of the coalitions of "values" and of "corrections".
    """
    corrections = None
    if attribution.corrections is not None:
        corrections = Corrections(
            tables["cheap"],
            tables["corrections"],
            tables["exact_full"],
            distributions["corrections"],
        )
    endpoints = {role: tables[role] for role in ("full", "none") if role in tables}
    method = attribution.method
    return attribute(
        method.name,
        tables["values"],
        endpoints,
        distributions["values"],
        corrections,
        **method.given,
    )


def attribute(
    estimator: str,
    behaviors: Behaviors,
    endpoints: dict[str, Behaviors],
    distribution: Distribution,
    corrections: Corrections | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Fit an estimator on recorded behaviors.

    Args:
        estimator: entry of the registry.
        behaviors: of the coalitions to fit on.
        endpoints: behaviors of "full" and "none", those that the estimator needs.
        distribution: removal distribution of the coalitions.
        corrections: the retrained coalitions of an estimator of two levels.
        **options: of the estimator.

    Returns:
        Columns contributor, behavior, query, value, standard_error and strength (of the penalty).

    Raises:
        UserError: where the coalitions are too few, or tell nothing.
    """
    wide = pivot(behaviors)
    masks = masks_of(behaviors)
    clusters = pairs_of(behaviors)
    weights = _weights(estimator, masks, distribution)
    ends = {name: pivot(table)[wide.columns].to_numpy() for name, table in endpoints.items()}
    missing = np.empty((0, wide.shape[1]))
    counted = weights > 0
    _check_enough(estimator, masks[counted], clusters[counted])
    game = Game(
        masks=masks[counted],
        values=wide.to_numpy()[counted],
        weights=weights[counted],
        clusters=clusters[counted],
        full=ends.get("full", missing),
        none=ends.get("none", missing),
        correction=_correction(estimator, corrections, wide.columns) if corrections else None,
    )
    return to_table(ESTIMATORS[estimator](**options)(game), wide.columns)


def enough_to_fit(behaviors: Behaviors) -> bool:
    """Whether there are enough coalitions for a regression."""
    pairs = pairs_of(_one_seed(behaviors))
    return _enough(len(pairs), len(np.unique(pairs)))


def _enough(coalitions: int, clusters: int) -> bool:
    return coalitions >= LEAST_TO_FIT and clusters >= 2


def _weights(estimator: str, masks: np.ndarray, distribution: Distribution) -> np.ndarray:
    definition = ESTIMATORS[estimator].weights
    if definition is None:
        return np.ones(len(masks))
    return importance(masks, DISTRIBUTIONS[definition](), distribution)


def _correction(estimator: str, corrections: Corrections, columns: pd.Index) -> Correction:
    """The coalitions of both approaches, one row each: the mean over their training seeds."""
    cheap, exact = (
        pivot(table)[columns].groupby(level="coalition").mean()
        for table in (corrections.cheap, corrections.exact)
    )
    masks, again = (masks_of(_one_seed(table)) for table in (corrections.cheap, corrections.exact))
    if not cheap.index.equals(exact.index) or not np.array_equal(masks, again):
        raise UserError(f"{estimator}: its corrections are not the same coalitions in both ways")
    clusters = pairs_of(_one_seed(corrections.cheap))
    weights = _weights(estimator, masks, corrections.distribution)
    counted = weights > 0
    _check_enough(f"the correction of {estimator}", masks[counted], clusters[counted])
    return Correction(
        masks=masks[counted],
        cheap=cheap.to_numpy()[counted],
        exact=exact.to_numpy()[counted],
        weights=weights[counted],
        clusters=clusters[counted],
        full=pivot(corrections.exact_full)[columns].to_numpy(),
    )


def _one_seed(behaviors: Behaviors) -> Behaviors:
    """One model of each coalition."""
    return behaviors.of_models(~behaviors.models["coalition"].duplicated())


def _check_enough(fitted: str, masks: np.ndarray, clusters: np.ndarray) -> None:
    """Check the number of coalitions; differences of two models need one for each contributor."""
    if fitted in ESTIMATORS and ESTIMATORS[fitted].distribution is not None:
        if len(np.unique(masks, axis=0)) < masks.shape[1]:
            raise UserError(
                f"{fitted} needs a coalition for each of {masks.shape[1]} contributors; there are "
                f"{len(np.unique(masks, axis=0))}"
            )
    elif not _enough(len(masks), len(np.unique(clusters))):
        raise UserError(
            f"{fitted} cannot be fitted on {len(masks)} coalitions\n"
            "    Hint: raise the count of its coalitions; 2 to 4 for each contributor are usual"
        )


def to_table(estimate: Estimate, columns: pd.Index) -> pd.DataFrame:
    """The table of an attribution (see `attribute`), for the (behavior, query) of ``columns``."""
    contributors, targets = estimate.values.shape
    return pd.DataFrame(
        {
            "contributor": np.tile(np.arange(contributors), targets),
            "behavior": np.repeat(columns.get_level_values("behavior"), contributors),
            "query": np.repeat(columns.get_level_values("query"), contributors),
            "value": estimate.values.T.ravel(),
            "standard_error": estimate.standard_errors.T.ravel(),
            "strength": np.repeat(estimate.strengths, contributors),
        }
    )


def with_credit(table: pd.DataFrame, better: Mapping[str, Better]) -> pd.DataFrame:
    """Add credit and ranks to the table of an attribution: more credit is better for the model.

    Args:
        table: of `attribute`, with the values of a behavior in its own units and direction.
        better: behavior -> which values are good; None where that is unknown.

    Returns:
        The table with columns credit (the value, or minus it where lower is better; NaN where
        the direction is unknown) and rank for each behavior and query (1: helped most; where the
        direction is unknown, 1: largest value) before its last column.
    """
    signs = table["behavior"].map(lambda name: SIGNS[better.get(name)])
    credit = signs * table["value"]
    ranked = credit.fillna(table["value"])
    ranks = ranked.groupby([table["behavior"], table["query"]]).transform(_ranks).astype(int)
    places = [column for column in table if column != "strength"]
    return table.assign(credit=credit, rank=ranks)[[*places, "credit", "rank", "strength"]]


def _ranks(values: pd.Series) -> np.ndarray:
    """1 for the largest; values that differ by rounding alone are tied."""
    scale = np.abs(values).max()
    rounded = np.round(values / (scale if scale > 0 else 1), 9)
    return rankdata(-rounded, method="min")
