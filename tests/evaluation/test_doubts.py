"""What is said of results that cannot be trusted, and that nothing is said of good ones."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.behaviors.table import Behaviors
from diffcredit.errors import UserError
from diffcredit.evaluation.doubts import (
    convergence_doubts,
    interval_doubts,
    lds_doubts,
    planted_doubts,
)
from diffcredit.evaluation.lds_table import CEILING, SIZE, truth_of

#: Predictor -> LDS with its interval.
GOOD = {"ridge": (0.8, 0.75, 0.85), "pixels": (0.3, 0.2, 0.4), CEILING: (0.8, 0.7, 0.9)}
NOTHING = (np.nan, np.nan, np.nan)


def table(scores: dict[str, tuple[float, float, float]], coalitions: int = 50) -> pd.DataFrame:
    rows = [(name, "fid", *found) for name, found in scores.items()]
    made = pd.DataFrame(rows, columns=["predictor", "behavior", "lds", "low", "high"])
    return made.assign(coalitions=coalitions, seeds=2)


LDS: dict[str, tuple[pd.DataFrame, list[str]]] = {
    "good": (table(GOOD), []),
    "sizes that tell nothing": (table(GOOD | {SIZE: (0.0, -0.2, 0.2)}), []),
    "no sizes": (table(GOOD | {SIZE: NOTHING}), []),
    "spans zero": (table(GOOD | {"pixels": (0.1, -0.1, 0.3)}), ["includes 0.*: pixels [(]fid[)]"]),
    "no ceiling": (table({k: v for k, v in GOOD.items() if k != CEILING}), []),
    "ceiling below zero": (
        table(GOOD | {CEILING: (-0.1, -0.3, 0.1)}),
        ["ceiling is of fid -0.10 .*second training predicts the first may be chance"],
    ),
    "ceiling spans zero": (table(GOOD | {CEILING: (0.3, -0.1, 0.6)}), ["ceiling is of fid"]),
    "no ceiling to be known": (table(GOOD | {CEILING: NOTHING}), ["no noise ceiling of fid"]),
    "few coalitions": (table(GOOD, coalitions=4), ["4 test coalitions.*too narrow"]),
    "no width": (
        table(GOOD | {"ridge": (1.0, 1.0, 1.0)}),
        ["without width.*: ridge", "above what the noise"],
    ),
    "constant": (table(GOOD | {"pixels": NOTHING}), ["no LDS.*: pixels [(]fid[)]"]),
    "above the root of the ceiling": (
        table({"ridge": (0.9, 0.8, 0.95), "pixels": (0.3, 0.2, 0.4), CEILING: (0.4, 0.3, 0.5)}),
        ["above what the noise .*: ridge [(]fid[)]"],
    ),
    "above the ceiling, below its root": (
        table({"ridge": (0.6, 0.55, 0.7), "pixels": (0.3, 0.2, 0.4), CEILING: (0.4, 0.3, 0.5)}),
        [],
    ),
    "all alike": (
        table({"ridge": (0.6, 0.3, 0.8), "lasso": (0.5, 0.2, 0.7), CEILING: (0.8, 0.7, 0.9)}),
        ["all attributions overlap [(]fid[)]"],
    ),
}


@pytest.mark.parametrize("case", LDS)
def test_what_is_said_of_an_lds(case: str) -> None:
    scores, expected = LDS[case]
    found = lds_doubts(scores)
    assert len(found) == len(expected)
    for told, pattern in zip(found, expected, strict=True):
        assert pd.Series([told]).str.contains(pattern, regex=True).all(), told


def truth(masks: list[list[bool]]) -> Behaviors:
    rows = pd.DataFrame(
        {
            "coalition": range(len(masks)),
            "training_seed": 0,
            "pair": range(len(masks)),
            "mask": [np.array(mask) for mask in masks],
            "behavior": "fid",
            "query": 0,
            "value": np.arange(len(masks), dtype=float),
        }
    )
    return of_rows(rows)


A, B, C = [True, False, True], [False, True, True], [True, True, False]


@pytest.mark.parametrize(
    ("masks", "different"), [([A], 1), ([A, B], 2), ([A, A, A], 1), ([A, B, A, B], 2), ([C, C], 1)]
)
def test_ranks_of_fewer_than_three_coalitions_are_refused(
    masks: list[list[bool]], different: int
) -> None:
    with pytest.raises(UserError, match=f"3 test coalitions or more.* have {different} different"):
        truth_of(truth(masks))


def test_three_coalitions_are_ranked() -> None:
    assert truth_of(truth([A, B, C])).values.shape == (1, 3, 1)


@pytest.mark.parametrize(
    ("planted", "contributors", "said"), [(0, 6, 0), (1, 6, 1), (5, 6, 1), (2, 6, 0), (6, 6, 0)]
)
def test_an_auc_of_one_contributor(planted: int, contributors: int, said: int) -> None:
    assert len(planted_doubts(planted, contributors)) == said


@pytest.mark.parametrize(("contributors", "said"), [(1, 1), (2, 1), (3, 1), (4, 0), (12, 0)])
def test_rank_correlations_of_few_contributors(contributors: int, said: int) -> None:
    assert len(convergence_doubts(contributors)) == said


def test_rows_without_an_interval_are_named_once() -> None:
    rows = pd.DataFrame({"who": ["a", "a", "b", "c"], "low": [np.nan, np.nan, 0.1, np.nan]})
    (told,) = interval_doubts(rows, "low", ["who"], "more seeds")
    assert told == "no interval, from one value alone: a, c\n  Hint: more seeds"
    assert interval_doubts(rows[2:3], "low", ["who"], "more seeds") == []
