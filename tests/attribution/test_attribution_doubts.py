"""What is said of attributions that cannot be trusted."""

import re

import numpy as np
import pandas as pd
import pytest

from diffcredit.attribution.doubts import attribution_doubts, measured_once

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


def measured(coalitions: int = 8, spread: float = 1.0) -> pd.DataFrame:
    value = spread * np.arange(coalitions)
    return pd.DataFrame({"coalition": range(coalitions), "behavior": "fid", "value": value})


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
    table, values, ends, expected = CASES[case]
    found = attribution_doubts(table, values, ends, regression=True)
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
    assert measured_once(pd.DataFrame(models, columns=["coalition", "replicate"])) == once
