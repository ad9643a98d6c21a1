"""Images drawn again without their proponents, in games whose images are known."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.behaviors.table import Behaviors
from diffcredit.coalitions.requested.proponents_removed import (
    EVERY,
    random_coalitions,
    ranked_coalitions,
)
from diffcredit.config import Regenerated
from diffcredit.errors import UserError
from diffcredit.evaluation.regenerated import regenerated_summary, regenerated_table

SETTINGS = Regenerated(
    approach="retrain",
    attributions=["exact"],
    behavior="loss",
    queries=3,
    remove=2,
    compared=["error"],
    random=4,
)
#: How much each of six contributors adds to each of three images.
HELPS = np.array([[9.0, 1, 0, 5, 0, 0], [0, 7, 7, 0, 1, 0], [0, 0, 1, 0, 2, 8]])


def attribution(sign: int) -> pd.DataFrame:
    """Values of a behavior of which less (-1) or more is better."""
    return pd.DataFrame(
        [
            {"contributor": c, "query": q, "value": sign * HELPS[q, c]}
            for q in range(3)
            for c in range(6)
        ]
    )


def measured(coalitions: pd.DataFrame, seeds: int = 2) -> Behaviors:
    """An image is off by what the removed added to it; two seeds differ around it."""
    rows = pd.DataFrame(
        [
            (row["index"], seed, "error", q, HELPS[q] @ ~row["mask"] + (1, -1)[seed] * 0.5)
            for _, row in coalitions.iterrows()
            for seed in range(seeds)
            for q in range(3)
        ],
        columns=["coalition", "training_seed", "behavior", "query", "value"],
    )
    return of_rows(rows)


def both(sign: int = -1) -> pd.DataFrame:
    ranked = ranked_coalitions("exact", attribution(sign), sign, 3, remove=2, first=0, seed=1)
    drawn = random_coalitions(6, range(4), remove=2, first=3, seed=1)
    return pd.concat([ranked, drawn], ignore_index=True)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_proponents_of_each_image_are_removed(sign: int) -> None:
    coalitions = both(sign)
    removed = [np.flatnonzero(~mask).tolist() for mask in coalitions["mask"]]
    assert removed[:3] == [[0, 3], [1, 2], [4, 5]]
    assert all(len(numbers) == 2 for numbers in removed)
    assert coalitions["index"].tolist() == list(range(7))
    assert coalitions["query"].tolist() == [0, 1, 2, *[EVERY] * 4]


def test_each_image_is_judged_by_its_own_model() -> None:
    coalitions = both()
    table = regenerated_table(coalitions, measured(coalitions), SETTINGS)
    exact = table[table["attribution"] == "exact"]
    assert exact["value"].tolist() == [14.0, 14.0, 10.0]
    drawn = table[table["attribution"] == "random"].set_index("query")["value"]
    masks = np.stack(list(coalitions["mask"][3:]))
    np.testing.assert_allclose(drawn[[0, 1, 2]], (HELPS @ ~masks.T).mean(axis=1))


def test_summary_is_over_images_and_against_random_removals() -> None:
    coalitions = both()
    table = regenerated_table(coalitions, measured(coalitions), SETTINGS)
    summary = regenerated_summary(table, 0.95).set_index("attribution")
    wide = table.pivot(index="query", columns="attribution", values="value")
    exact = summary.loc["exact"]
    assert exact["mean"] == pytest.approx(38 / 3)
    assert exact["more"] == pytest.approx((wide["exact"] - wide["random"]).mean())
    assert exact["more_low"] < exact["more"] < exact["more_high"]
    assert exact["low"] < exact["mean"] < exact["high"]
    assert np.isnan(summary.loc["random", "more"])


def test_everybody_cannot_be_removed() -> None:
    with pytest.raises(UserError, match="remove = 6: must be below the 6 contributors"):
        random_coalitions(6, range(1), remove=6, first=0, seed=0)
