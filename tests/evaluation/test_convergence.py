"""Attributions settle on the truth as coalitions are added, at the seconds that these cost."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.attribution.table import attribute
from diffcredit.behaviors.table import COSTS, Behaviors
from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import table
from diffcredit.config import Lds
from diffcredit.evaluation.convergence import (
    convergence_table,
    growing,
    paid_for,
    stops,
)

WORTH = np.array([3.0, -2, 0.5, 8, -1, 4])
SHAPLEY = Shapley(distribution="shapley", count=40, paired=True)
LDS = Lds(truth="retrain/test", resamples=100)


def recorded(distribution: Distribution, noise: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    drawn = table(distribution, 6, seed, range(40))
    return pd.DataFrame(
        {
            "coalition": drawn["index"],
            "training_seed": 0,
            "pair": drawn["pair"],
            "mask": drawn["mask"],
            "behavior": "fid",
            "query": 0,
            "value": [20 + WORTH @ mask + noise * rng.normal() for mask in drawn["mask"]],
            **dict.fromkeys(COSTS, 2.0),
        }
    )


@pytest.mark.parametrize(("coalitions", "points"), [(48, 6), (7, 4), (4, 5), (3, 3), (1000, 8)])
def test_stops_grow_to_all_coalitions_in_whole_pairs(coalitions: int, points: int) -> None:
    found = stops(coalitions, points)
    assert found[-1] == coalitions
    assert found == sorted(set(found))
    assert len(found) <= points
    assert all(count % 2 == 0 for count in found[:-1])


def fit_ridge(behaviors: Behaviors) -> pd.DataFrame:
    return attribute("datamodel_ridge", behaviors, endpoints={}, distribution=SHAPLEY)


def settled(rows: pd.DataFrame, fixed_seconds: float = 0.0) -> pd.DataFrame:
    behaviors = of_rows(rows)
    distribution = Datamodel(distribution="datamodel", count=40, alpha=0.5)
    truth = of_rows(recorded(distribution, 0.0, seed=1))
    parts = growing("datamodel_ridge", behaviors, 5)
    return convergence_table(fit_ridge, behaviors, parts, fixed_seconds, truth, LDS, seed=3)


def models(part: Behaviors | None) -> int:
    assert part is not None
    return len(part.models)


def test_more_coalitions_cost_more_and_agree_better() -> None:
    found = settled(recorded(SHAPLEY, noise=4.0), fixed_seconds=100.0)
    assert list(found["models"]) == stops(40, 5)
    assert list(found["seconds"]) == [100 + 6 * count for count in found["models"]]
    assert found["correlation"].iloc[-1] == 1
    assert found["lds"].iloc[-1] > max(0.8, found["lds"].iloc[0])
    assert ((found["low"] <= found["lds"]) & (found["lds"] <= found["high"])).all()


def test_noiseless_game_is_known_from_few_coalitions() -> None:
    found = settled(recorded(SHAPLEY, noise=0.0))
    assert (found.loc[found["models"] >= 16, "lds"] > 0.99).all()


def test_seconds_count_each_model_once() -> None:
    behaviors = recorded(SHAPLEY, noise=0.0)
    both = pd.concat([behaviors, behaviors.assign(behavior="entropy")])
    assert of_rows(both).seconds == of_rows(behaviors).seconds == 40 * 6


def test_seconds_pay_for_whole_coalitions() -> None:
    rows = recorded(SHAPLEY, noise=0.0)
    behaviors = of_rows(rows)
    both_seeds = of_rows(pd.concat([rows, rows.assign(training_seed=1)]))
    assert models(paid_for("datamodel_ridge", behaviors, 60.0)) == 10
    assert models(paid_for("datamodel_ridge", behaviors, 59.0)) == 9
    assert models(paid_for("datamodel_ridge", both_seeds, 60.0)) == 2 * 5


def test_what_seconds_pay_for_must_be_enough_to_fit() -> None:
    rows = recorded(SHAPLEY, noise=0.0)
    unknown = rows.assign(**dict.fromkeys(COSTS, np.nan))
    assert paid_for("datamodel_ridge", of_rows(rows), 6.0) is None
    assert paid_for("datamodel_ridge", of_rows(unknown), 1e9) is None


def test_estimators_of_every_coalition_grow_by_training_seeds() -> None:
    rows = recorded(SHAPLEY, noise=0.0)
    seeds = of_rows(pd.concat([rows.assign(training_seed=seed) for seed in range(3)]))
    assert [models(part) for part in growing("leave_one_out", seeds, 4)] == [40, 80, 120]
    assert paid_for("leave_one_out", seeds, 239.0) is None
    assert models(paid_for("leave_one_out", seeds, 600.0)) == 80


def test_nothing_to_fit_gives_an_empty_table() -> None:
    behaviors = of_rows(recorded(SHAPLEY, noise=0.0))
    assert convergence_table(fit_ridge, behaviors, [], 0.0, behaviors, LDS, seed=3).empty
