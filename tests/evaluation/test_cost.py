"""The seconds of one model and of all."""

import pandas as pd
import pytest

from diffcredit.evaluation.cost import cost_table


def behaviors(seconds: list[tuple[float, float, float]], replicates: int = 1) -> pd.DataFrame:
    """Two behaviors of each model repeat the model's seconds."""
    rows = [
        {
            "coalition": index,
            "replicate": replicate,
            "behavior": behavior,
            "seconds_training": training,
            "seconds_sampling": sampling,
            "seconds_scoring": scoring,
        }
        for replicate in range(replicates)
        for index, (training, sampling, scoring) in enumerate(seconds)
        for behavior in ("fid", "entropy")
    ]
    return pd.DataFrame(rows)


def test_seconds_of_a_model_count_once_and_sum_up() -> None:
    table = cost_table(
        {
            "sft/shapley": behaviors([(1, 2, 3), (3, 4, 5)]),
            "retrain/test": behaviors([(100, 2, 4)], replicates=3),
        }
    ).set_index(["approach", "distribution"])
    sft, retrain = table.loc[("sft", "shapley")], table.loc[("retrain", "test")]
    assert (sft["models"], retrain["models"]) == (2, 3)
    assert (sft["seconds_training"], sft["seconds_sampling"], sft["seconds_scoring"]) == (2, 3, 4)
    assert (sft["seconds_model"], sft["seconds_total"]) == (9, 18)
    assert retrain["seconds_total"] == pytest.approx(318)


def test_parts_add_up_to_the_model_and_models_to_the_total() -> None:
    rows = [(0.1 * i, 0.2, 0.03 * i**2) for i in range(7)]
    table = cost_table({"sft/shapley": behaviors(rows)}).iloc[0]
    parts = table["seconds_training"] + table["seconds_sampling"] + table["seconds_scoring"]
    assert parts == pytest.approx(table["seconds_model"])
    assert table["seconds_model"] * table["models"] == pytest.approx(table["seconds_total"])
    assert table["seconds_total"] == pytest.approx(sum(map(sum, rows)))
