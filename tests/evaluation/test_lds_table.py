"""The table of scores, from recorded behaviors and attributions."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.behaviors.table import Behaviors
from diffcredit.config import Lds
from diffcredit.evaluation.lds_table import CEILING, SIZE, lds_table

WORTH = {"fid": np.array([4.0, -2, 1, 0.5, -3, 2]), "entropy": np.array([0.1, 0.3, -0.2, 0, 1, 2])}
SIZES = np.array([10, 20, 30, 40, 50, 60])
SETTINGS = Lds(truth="retrain/test", resamples=200, confidence=0.95)


def rows_of_games(training_seeds: int, noise: float, coalitions: int = 14) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    masks = [rng.permutation(np.arange(6) < 3) for _ in range(coalitions)]
    rows = [
        {
            "coalition": index,
            "training_seed": training_seed,
            "pair": index,
            "mask": mask,
            "behavior": behavior,
            "query": 0,
            "value": worth @ mask + rng.normal(0, noise),
        }
        for training_seed in range(training_seeds)
        for index, mask in enumerate(masks)
        for behavior, worth in WORTH.items()
    ]
    return pd.DataFrame(rows)


def recorded(training_seeds: int, noise: float) -> Behaviors:
    return of_rows(rows_of_games(training_seeds, noise))


def attribution(sign: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"contributor": c, "behavior": b, "query": 0, "value": sign * value}
            for b, worth in WORTH.items()
            for c, value in enumerate(worth)
        ]
    ).sample(frac=1, random_state=0)


def lds_of(table: pd.DataFrame, predictor: str, behavior: str) -> float:
    row = table[(table["predictor"] == predictor) & (table["behavior"] == behavior)]
    return float(row["lds"].item())


def test_right_and_wrong_attributions_of_each_behavior() -> None:
    attributions = {"right": attribution(), "wrong": attribution(-1.0)}
    table = lds_table(attributions, recorded(2, noise=0.0), SIZES, SETTINGS, seed=0)
    for behavior in WORTH:
        assert lds_of(table, "right", behavior) == pytest.approx(1)
        assert lds_of(table, "wrong", behavior) == pytest.approx(-1)
        assert lds_of(table, CEILING, behavior) == pytest.approx(1)
    assert (table["coalitions"] == 14).all()
    assert (table["seeds"] == 2).all()


def test_behavior_that_an_attribution_does_not_explain_has_no_row() -> None:
    part = attribution()
    attributions = {"all": attribution(), "part": part[part["behavior"] == "fid"]}
    table = lds_table(attributions, recorded(2, noise=1.0), SIZES, SETTINGS, seed=0)
    found = {name: set(rows["behavior"]) for name, rows in table.groupby("predictor")}
    both = set(WORTH)
    assert found == {"all": both, "part": {"fid"}, CEILING: both, SIZE: both}
    # The others have the intervals that they would have without it.
    without = lds_table({"all": attribution()}, recorded(2, noise=1.0), SIZES, SETTINGS, seed=0)
    pd.testing.assert_frame_equal(
        table[table["predictor"] != "part"].reset_index(drop=True), without
    )


def test_order_of_the_rows_does_not_change_the_scores() -> None:
    rows = rows_of_games(3, noise=2.0)
    expected, shuffled = (
        lds_table({"a": attribution()}, of_rows(truth), SIZES, SETTINGS, seed=0)
        for truth in (rows, rows.sample(frac=1, random_state=0))
    )
    keys = ["behavior", "predictor"]
    pd.testing.assert_frame_equal(
        shuffled.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


def test_number_of_images_kept_is_scored_beside() -> None:
    by_size = rows_of_games(1, noise=0.0)
    by_size["value"] = [float(SIZES @ mask) for mask in by_size["mask"]]
    table = lds_table({"a": attribution()}, of_rows(by_size), SIZES, SETTINGS, seed=0)
    assert lds_of(table, SIZE, "fid") == pytest.approx(1)
    assert lds_of(table, "a", "fid") < 1


def test_one_training_has_no_ceiling() -> None:
    table = lds_table({"a": attribution()}, recorded(1, noise=1.0), SIZES, SETTINGS, seed=0)
    assert CEILING not in set(table["predictor"])
    assert table["seed_sd"].isna().all()


def test_noise_lowers_the_ceiling() -> None:
    ceilings = [
        lds_of(lds_table({}, recorded(3, noise), SIZES, SETTINGS, 0), CEILING, "fid")
        for noise in (0.1, 2.0, 30.0)
    ]
    assert ceilings[0] > 0.95
    assert ceilings[0] > ceilings[1] > ceilings[2]


def test_intervals_of_predictors_compare_since_they_share_their_resamples() -> None:
    table = lds_table(
        {"a": attribution(), "same again": attribution()}, recorded(2, 2.0), SIZES, SETTINGS, 0
    )
    a, again = (table[table["predictor"] == name] for name in ("a", "same again"))
    for column in ("lds", "low", "high", "seed_sd"):
        assert list(a[column]) == list(again[column])


def test_predictor_that_cannot_rank_has_no_score_and_leaves_the_others() -> None:
    """Contributors of one size and coalitions of one size: as many images are always kept."""
    table = lds_table({"a": attribution()}, recorded(2, 0.5), np.full(6, 7), SETTINGS, seed=0)
    assert np.isnan(lds_of(table, SIZE, "fid"))
    assert lds_of(table, "a", "fid") > 0.8
