"""Tables as people read them."""

import numpy as np
import pandas as pd
import pytest

from diffcredit.evaluation.unlearning import Criterion
from diffcredit.report.tables import (
    equal_compute_cells,
    lds_cells,
    lds_text,
    model_sizes,
    outcome_text,
    page,
    query_cells,
    seed_cells,
)


@pytest.fixture
def lds() -> pd.DataFrame:
    rows = [
        ("shapley", "fid", 0.834, 0.701, 0.909),
        ("shapley", "entropy", -0.25, -0.5, 0.125),
        ("ceiling", "fid", 1.0, 0.996, 1.0),
        ("ceiling", "entropy", 0.5, 0.25, 0.75),
    ]
    table = pd.DataFrame(rows, columns=["predictor", "behavior", "lds", "low", "high"])
    return table.assign(seed_sd=0.1, coalitions=16, seeds=3, average="correlations")


def test_cells_hold_the_score_and_its_interval(lds: pd.DataFrame) -> None:
    cells = lds_cells(lds).set_index("predictor")
    assert list(cells.index) == ["shapley", "ceiling"]  # as given, not sorted
    assert cells.loc["shapley", "fid"] == "0.83 [0.70, 0.91]"
    assert cells.loc["shapley", "entropy"] == "-0.25 [-0.50, 0.12]"
    assert cells.loc["ceiling", "fid"] == "1.00 [1.00, 1.00]"


def test_text_says_what_the_table_is(lds: pd.DataFrame) -> None:
    text = lds_text(lds, confidence=0.9)
    assert "16 retrained coalitions x 3 training seeds (mean of the correlations with each" in text
    text = lds_text(lds.assign(average="values"), confidence=0.9)
    assert "3 training seeds (correlation with the mean over the training seeds), with" in text
    text = lds_text(lds.assign(seeds=1), confidence=0.9)
    assert "16 retrained coalitions x 1 training seeds, with" in text
    assert "90% intervals" in text
    assert "0.83 [0.70, 0.91]" in text


def test_score_that_is_not_there_is_not_called_nan(lds: pd.DataFrame) -> None:
    """The score of "number of images kept" where contributors have equally many images."""
    lds.loc[lds["predictor"] == "ceiling", ["lds", "low", "high"]] = np.nan
    cells = lds_cells(lds).set_index("predictor")
    assert "nan" not in cells.loc["ceiling", "fid"]


def test_equal_compute_says_what_was_spent(lds: pd.DataFrame) -> None:
    table = lds.rename(columns={"predictor": "attribution"}).assign(models=12, seconds=84.5)
    cells = equal_compute_cells(table)
    assert list(cells.columns) == ["attribution", "models", "seconds", "fid", "entropy"]
    assert cells.iloc[0].tolist()[:4] == ["shapley", 12, 84.5, "0.83 [0.70, 0.91]"]


def test_equal_compute_may_be_too_little_for_all(lds: pd.DataFrame) -> None:
    table = lds.rename(columns={"predictor": "attribution"}).assign(models=12, seconds=84.5)
    assert equal_compute_cells(table[:0]).empty


def test_page_shows_each_table_under_its_heading_and_escapes_names() -> None:
    table = pd.DataFrame({"name": ["<script>alert(1)</script>"], "lds": [0.12345], "gap": [np.nan]})
    text = page("a < b", {"scores & such": table, "again": table})
    assert "<title>a &lt; b</title>" in text
    assert text.index("scores &amp; such") < text.index("<h3>again")
    assert "<script>" not in text
    assert "0.123" in text
    assert "NaN" not in text


def test_large_numbers_have_no_decimals() -> None:
    text = page("t", {"cost": pd.DataFrame({"seconds": [12345.678, 99.5, -1234.5]})})
    assert "12,346" in text
    assert "99.500" in text
    assert "-1,23" in text


def test_sizes_of_the_models() -> None:
    facts = {
        "parameters_before": 100,
        "parameters_after": 60,
        "multiply_adds_before": 1000,
        "multiply_adds_after": 500,
        "loss": 0.1,
    }
    table = model_sizes(facts).set_index("model")
    assert list(table.loc["full"].fillna("none")) == [100, "none", 1000, "none"]
    assert '""' not in page("t", {"Pruning": model_sizes(facts)})
    assert list(table.loc["pruned"]) == [60, "40.0%", 500, "50.0%"]


def test_behaviors_of_one_query_have_no_interval_over_queries(lds: pd.DataFrame) -> None:
    assert query_cells(lds.assign(query_low=np.nan, query_high=np.nan)).empty
    entropy = lds["behavior"] == "entropy"
    low, high = np.where(entropy, -0.1, np.nan), np.where(entropy, 0.6, np.nan)
    cells = query_cells(lds.assign(query_low=low, query_high=high)).set_index("predictor")
    assert list(cells.columns) == ["entropy"]
    assert cells.loc["ceiling", "entropy"] == "0.50 [-0.10, 0.60]"


def test_predictor_that_lacks_a_behavior(lds: pd.DataFrame) -> None:
    cells = lds_cells(lds.drop(index=0)).set_index("predictor")
    assert cells.loc["shapley", "fid"] == "-"


def test_score_without_an_interval_stands_alone(lds: pd.DataFrame) -> None:
    cells = lds_cells(lds.assign(low=np.nan, high=np.nan)).set_index("predictor")
    assert cells.loc["shapley", "fid"] == "0.83"


def test_outcomes_are_markdown_with_intervals_and_the_front() -> None:
    """Small and large numbers, one seed alone, and a behavior that was not measured."""
    outcomes = pd.DataFrame(
        {
            "approach": ["pretrained", "siss"],
            "kind": ["pretrained", "unlearned"],
            "seeds": [1, 3],
            "steps": [0.0, 1250.0],
            "seconds": [0.0, 61.25],
            "fid": [23.456, 12345.6],
            "fid_low": [np.nan, 999.7],
            "fid_high": [np.nan, 23691.5],
            "loss": [np.nan, 0.00123],
            "loss_low": [np.nan, 0.001],
            "loss_high": [np.nan, 0.00146],
            "front": [False, True],
            "forgotten": pd.array([pd.NA, True], dtype="boolean"),
            "outcome": ["", "forgotten"],
            "explanation": ["", "forgotten: loss rose"],
            "quality_change": [0.0, 0.5],
        }
    )
    criteria = Criterion("fid", "lower"), Criterion("loss", "higher")
    assert outcome_text(outcomes, *criteria).splitlines() == [
        "| approach | steps | seconds | fid | loss | front |",
        "| --- | --- | --- | --- | --- | --- |",
        "| pretrained | 0 | 0 | 23.5 | - |  |",
        "| siss | 1,250 | 61.2 | 12,346 [1,000, 23,692] | 0.00123 [0.001, 0.00146] | yes |",
        "",
        "Quality is fid: lower is better. Forgetting is loss: higher is better.",
        "",
        "- siss: forgotten: loss rose",
    ]


def test_intervals_over_training_seeds_have_a_table_of_their_own(lds: pd.DataFrame) -> None:
    low, high = [-0.2, -0.9, np.nan, np.nan], [1.0, 0.4, np.nan, np.nan]
    cells = seed_cells(lds.assign(seed_low=low, seed_high=high)).set_index("predictor")
    assert list(cells.index) == ["shapley"]  # a ceiling has none
    assert cells.loc["shapley", "fid"] == "0.83 [-0.20, 1.00]"
    assert seed_cells(lds.assign(seed_low=np.nan, seed_high=np.nan)).empty
