"""From tables of behaviors to the table of an attribution."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from diffcredit.attribution.game import Estimate, Game
from diffcredit.behaviors.table import clusters_of, masks_of, pivot
from diffcredit.coalitions import shapley_weights, size_probabilities
from diffcredit.config import Section
from diffcredit.errors import UserError
from diffcredit.registry import ESTIMATORS, load


def attribute(
    estimator: str,
    behaviors: pd.DataFrame,
    endpoints: dict[str, pd.DataFrame],
    distribution: Section,
) -> pd.DataFrame:
    """Fit an estimator on recorded behaviors.

    Args:
        estimator: entry of the registry.
        behaviors: gathered table of the coalitions to fit on.
        endpoints: gathered tables of "full" and "none", those that the estimator needs.
        distribution: what the coalitions were drawn from.

    Returns:
        Columns contributor, behavior, query, value, standard_error, rank (1: largest value) and
        strength (of the penalty).
    """
    wide = pivot(behaviors)
    masks = masks_of(behaviors)
    probabilities = size_probabilities(distribution, masks.shape[1])
    ends = {name: pivot(table)[wide.columns].to_numpy() for name, table in endpoints.items()}
    missing = np.empty((0, wide.shape[1]))
    _check_enough(estimator, masks)
    game = Game(
        masks=masks,
        values=wide.to_numpy(),
        weights=shapley_weights(masks, probabilities),
        clusters=clusters_of(behaviors),
        full=ends.get("full", missing),
        none=ends.get("none", missing),
    )
    return _to_table(load(ESTIMATORS, estimator)(game), wide.columns)


def _check_enough(estimator: str, masks: np.ndarray) -> None:
    if len(masks) < 3:
        raise UserError(
            f"{estimator} cannot be fitted on {len(masks)} coalitions\n"
            "    Hint: raise the count of its coalitions; 2 to 4 for each contributor are usual"
        )


def _to_table(estimate: Estimate, columns: pd.Index) -> pd.DataFrame:
    contributors, targets = estimate.values.shape
    ranks = rankdata(-estimate.values, axis=0, method="min")
    return pd.DataFrame(
        {
            "contributor": np.tile(np.arange(contributors), targets),
            "behavior": np.repeat(columns.get_level_values("behavior"), contributors),
            "query": np.repeat(columns.get_level_values("query"), contributors),
            "value": estimate.values.T.ravel(),
            "standard_error": estimate.standard_errors.T.ravel(),
            "rank": ranks.T.ravel().astype(int),
            "strength": np.repeat(estimate.strengths, contributors),
        }
    )
