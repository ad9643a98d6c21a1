"""Coalitions are enough when what is asked for is reached, and not before."""

import numpy as np
import pandas as pd
import pytest

from diffcredit.attribution.stopping import reached
from diffcredit.config.until import Until


def attribution(values: list[float], errors: list[float]) -> pd.DataFrame:
    other = pd.DataFrame({"contributor": [0, 1, 2], "value": 0.0, "standard_error": 99.0})
    asked = pd.DataFrame({"contributor": [0, 1, 2], "value": values, "standard_error": errors})
    return pd.concat([other.assign(behavior="entropy"), asked.assign(behavior="fid")])


NOW = attribution([3, 1, 2], [0.5, 0.2, 0.4])


def until(**asked: float) -> Until:
    return Until(attribution="datamodel", behavior="fid", **asked)


@pytest.mark.parametrize(("error", "enough"), [(0.5, True), (0.49, False)])
def test_every_contributor_must_be_as_precise_as_asked(error: float, enough: bool) -> None:
    found = reached(NOW, None, 8, until(standard_error=error))
    assert (found.enough, found.standard_error, found.coalitions) == (enough, 0.5, 8)


@pytest.mark.parametrize(
    ("before", "stability", "enough"),
    [([30, 10, 20], 1.0, True), ([2, 1, 3], 0.5, True), ([1, 3, 2], -1.0, False)],
)
def test_ranks_must_have_settled(before: list[float], stability: float, enough: bool) -> None:
    found = reached(NOW, attribution(before, [1, 1, 1]), 8, until(stability=0.5))
    assert found.stability == pytest.approx(stability)
    assert found.enough == enough


def test_too_few_to_be_fitted_on_are_not_enough() -> None:
    found = reached(None, None, 2, until(standard_error=100))
    assert (found.enough, found.coalitions, found.standard_error) == (False, 2, None)


def test_first_shard_has_nothing_to_be_stable_against() -> None:
    assert not reached(NOW, None, 8, until(stability=0.5)).enough


def test_both_must_be_reached_where_both_are_asked() -> None:
    asked = until(standard_error=0.5, stability=0.9)
    assert reached(NOW, NOW, 8, asked).enough
    assert not reached(NOW, attribution([1, 3, 2], [1, 1, 1]), 8, asked).enough


def test_unknown_precision_is_not_enough() -> None:
    unknown = attribution([3, 1, 2], [0.5, np.nan, np.nan])
    unknown.loc[unknown["behavior"] == "fid", "standard_error"] = np.nan
    assert not reached(unknown, None, 8, until(standard_error=100.0)).enough
