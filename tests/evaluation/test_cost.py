"""The seconds of one model and of all."""

import pandas as pd
import pytest

from diffcredit.evaluation.cost import cost_table


def models(
    approach: str,
    distribution: str,
    seconds: list[tuple[float, float, float]],
    training_seeds: int = 1,
) -> pd.DataFrame:
    names = ["seconds_training", "seconds_sampling", "seconds_scoring"]
    table = pd.DataFrame(seconds * training_seeds, columns=names)
    return table.assign(approach=approach, distribution=distribution)


def test_seconds_of_models_sum_up() -> None:
    table = cost_table(
        [
            models("sft", "shapley", [(1, 2, 3), (3, 4, 5)]),
            models("retrain", "test", [(100, 2, 4)], training_seeds=3),
        ]
    ).set_index(["approach", "distribution"])
    sft, retrain = table.loc[("sft", "shapley")], table.loc[("retrain", "test")]
    assert (sft["models"], retrain["models"]) == (2, 3)
    assert (sft["seconds_training"], sft["seconds_sampling"], sft["seconds_scoring"]) == (2, 3, 4)
    assert (sft["seconds_model"], sft["seconds_total"]) == (9, 18)
    assert retrain["seconds_total"] == pytest.approx(318)


def test_parts_add_up_to_the_model_and_models_to_the_total() -> None:
    rows = [(0.1 * i, 0.2, 0.03 * i**2) for i in range(7)]
    table = cost_table([models("sft", "shapley", rows)]).iloc[0]
    parts = table["seconds_training"] + table["seconds_sampling"] + table["seconds_scoring"]
    assert parts == pytest.approx(table["seconds_model"])
    assert table["seconds_model"] * table["models"] == pytest.approx(table["seconds_total"])
    assert table["seconds_total"] == pytest.approx(sum(map(sum, rows)))
