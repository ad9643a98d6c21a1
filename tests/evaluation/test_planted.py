"""Do attributions find the planted contributors: closed cases."""

import numpy as np
import pandas as pd
import pytest

from diffcredit.evaluation.planted import planted_table

PLANTED = np.array([1, 3])
BETTER = {"fid": "lower", "inception_score": "higher"}


def attribution(behavior: str, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"contributor": range(len(values)), "behavior": behavior, "query": 0, "value": values}
    )


@pytest.mark.parametrize(
    ("behavior", "values", "auc", "ranks"),
    [
        # The planted raise the FID, or lower the Inception score, more than anybody.
        ("fid", [0, 9, 1, 8, 2], 1.0, "1 2"),
        ("inception_score", [0, -9, 1, -8, 2], 1.0, "1 2"),
        # The other way round: they seem the best.
        ("fid", [0, -9, 1, -8, 2], 0.0, "4 5"),
        ("inception_score", [0, 9, 1, 8, 2], 0.0, "4 5"),
        # One of the two before the other three, one after.
        ("fid", [3, 9, 2, -1, 1], 0.5, "1 5"),
        # Nobody stands out.
        ("fid", [4, 4, 4, 4, 4], 0.5, "1 1"),
        # Of the 6 pairs of a planted and another one, 5 are in order.
        ("fid", [3, 9, 5, 4, 1], 5 / 6, "1 3"),
    ],
)
def test_auc_and_ranks(behavior: str, values: list[float], auc: float, ranks: str) -> None:
    table = planted_table({"a": attribution(behavior, values)}, BETTER, PLANTED)
    assert table["auc"].item() == pytest.approx(auc)
    assert table["ranks"].item() == ranks


def test_row_for_each_attribution_and_behavior() -> None:
    both = pd.concat(
        [attribution("fid", [0, 9, 1, 8, 2]), attribution("inception_score", [0, 9, 1, 8, 2])]
    )
    table = planted_table({"a": both, "b": both.sample(frac=1, random_state=0)}, BETTER, PLANTED)
    rows = {(r.attribution, r.behavior): r.auc for r in table.itertuples()}
    assert rows == {
        ("a", "fid"): 1,
        ("a", "inception_score"): 0,
        ("b", "fid"): 1,
        ("b", "inception_score"): 0,
    }


def test_queries_are_averaged() -> None:
    first, second = attribution("fid", [0, 9, 1, 8, 2]), attribution("fid", [9, -3, 9, -3, 9])
    both = pd.concat([first, second.assign(query=1)])
    # Means: 4.5, 3, 5, 2.5, 5.5.
    assert planted_table({"a": both}, BETTER, PLANTED)["auc"].item() == 0


def test_no_attributions_give_an_empty_table_with_columns() -> None:
    table = planted_table({}, BETTER, PLANTED)
    assert list(table.columns) == ["attribution", "behavior", "auc", "ranks"]
    assert table.empty
