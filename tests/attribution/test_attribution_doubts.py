"""What is said of attributions that cannot be trusted."""

import re

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.attribution.doubts import attribution_doubts, measured_once
from diffcredit.behaviors.table import Behaviors

WORTH = np.array([3.0, 1, -2, 0])


def attribution(worth: np.ndarray = WORTH, error: float = 0.1, known: bool = True) -> pd.DataFrame:
    credit = -worth if known else np.nan
    return pd.DataFrame(
        {
            "contributor": range(len(worth)),
            "behavior": "fid",
            "query": 0,
            "value": worth,
            "standard_error": error,
            "credit": credit,
        }
    )


def measured(coalitions: int = 8, spread: float = 1.0) -> Behaviors:
    rows = {"coalition": range(coalitions), "training_seed": 0, "behavior": "fid", "query": 0}
    return of_rows(pd.DataFrame(rows | {"value": spread * np.arange(coalitions)}))


CASES = {
    "good": (attribution(), measured(), (), []),
    "few coalitions": (attribution(), measured(3), (), ["3 coalitions for 4 contributors"]),
    "all the same": (
        attribution(0 * WORTH),
        measured(spread=0),
        (),
        ["all coalitions have the same fid"],
    ),
    "drowned": (attribution(error=5.0), measured(), (), ["mostly noise"]),
    "no errors": (attribution(error=np.nan), measured(), (), ["without a standard error"]),
    "not known": (
        attribution(np.array([1.0, np.nan, 2, 3])),
        measured(),
        (),
        ["not finite (fid)"],
    ),
    "nobody is known": (
        attribution(np.full(4, np.nan)),
        measured(),
        (),
        ["not finite (fid)"],
    ),
    "beyond all numbers": (
        attribution(np.array([1.0, np.inf, 2, 3])),
        measured(),
        (),
        ["not finite (fid)"],
    ),
    "all alike": (attribution(WORTH * 0 + 2), measured(), (), ["the same value (fid)"]),
    "once": (attribution(), measured(), ("full", "none"), ["v(full) was", "v(none) was"]),
    "no direction": (attribution(known=False), measured(), (), ["records.better"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(case: str) -> None:
    table, behaviors, ends, expected = CASES[case]
    found = attribution_doubts(table, behaviors, ends, regression=True)
    assert len(found) == len(expected)
    for told, part in zip(found, expected, strict=True):
        assert re.search(re.escape(part), told)


def test_differences_of_two_models_need_no_more_coalitions_than_contributors() -> None:
    assert attribution_doubts(attribution(), measured(3), (), regression=False) == []


@pytest.mark.parametrize(
    ("models", "once"),
    [
        ([(0, 0)], True),
        ([(0, 0), (0, 0)], True),
        ([(0, 0), (0, 1)], False),
        ([(0, 0), (1, 0)], False),
    ],
)
def test_measured_once_means_one_model(models: list[tuple[int, int]], once: bool) -> None:
    rows = pd.DataFrame(models, columns=["coalition", "training_seed"])
    assert measured_once(of_rows(rows.assign(behavior="fid", query=0, value=1.0))) == once
