"""Approaches that delete images: their curves, their ends, and who is on the front."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from diffcredit.errors import UserError
from diffcredit.evaluation.doubts import unlearning_doubts
from diffcredit.evaluation.unlearning import Criterion, Tables, curves, outcomes, pareto_front

QUALITY, FORGETTING = Criterion("fid", "lower"), Criterion("loss", "higher")


def measured(values: dict[int, tuple[float, list[float]]]) -> pd.DataFrame:
    """Step -> FID, and the loss of each deleted image; a step takes two seconds."""
    rows = [
        (step, behavior, query, value, 2.0 * step, 1.0, 0.5)
        for step, (fid, losses) in values.items()
        for behavior, found in (("fid", [fid]), ("loss", losses))
        for query, value in enumerate(found)
    ]
    names = ["step", "behavior", "query", "value"]
    costs = ["seconds_training", "seconds_sampling", "seconds_scoring"]
    return pd.DataFrame(rows, columns=names + costs)


def ended(fid: float, loss: float, step: int = 10) -> pd.DataFrame:
    return measured({step: (fid, [loss])})


def yardsticks() -> Tables:
    return {
        ("pretrained", 0): ended(10.0, 1.0, step=0),
        ("retrained", 0): ended(11.0, 3.0, step=500),
        ("retrained", 1): ended(13.0, 4.0, step=500),
    }


def judged(tables: Tables, retrained: str | None = "retrained") -> pd.DataFrame:
    found = outcomes(tables, 0.95, QUALITY, FORGETTING, "pretrained", retrained)
    return found.set_index("approach")


def dominated_one_by_one(costs: np.ndarray, row: int) -> bool:
    for other in costs:
        no_worse = all(a <= b for a, b in zip(other, costs[row], strict=True))
        if no_worse and any(a < b for a, b in zip(other, costs[row], strict=True)):
            return True
    return False


@pytest.mark.parametrize("levels", [2, 4, 1000])
@pytest.mark.parametrize("seed", range(10))
def test_front_is_that_of_comparing_one_by_one(levels: int, seed: int) -> None:
    """Few levels make ties and equal points."""
    costs = np.random.default_rng(seed).integers(0, levels, (25, 2)).astype(float)
    expected = [not dominated_one_by_one(costs, row) for row in range(len(costs))]
    assert pareto_front(costs).tolist() == expected


def test_equal_points_are_on_the_front_together() -> None:
    costs = np.array([[1.0, 2], [1, 2], [1, 3], [2, 2], [0, 5]])
    assert pareto_front(costs).tolist() == [True, True, False, False, True]


def test_what_is_not_finite_is_not_on_the_front_and_dominates_nobody() -> None:
    costs = np.array([[np.nan, -9.0], [1, 2], [5, -np.inf], [np.nan, np.nan]])
    assert pareto_front(costs).tolist() == [False, True, False, False]
    assert pareto_front(costs[[0, 3]]).tolist() == [False, False]
    assert pareto_front(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_curves_are_the_mean_over_queries_then_seeds_with_scipys_interval(
    confidence: float,
) -> None:
    losses = np.random.default_rng(0).normal(size=(4, 3))
    tables = {("siss", s): measured({5: (20.0 + s, list(losses[s]))}) for s in range(4)}
    found = curves(tables, confidence).set_index("behavior")
    means = losses.mean(axis=1)
    low, high = stats.t.interval(confidence, 3, loc=means.mean(), scale=stats.sem(means))
    loss = found.loc["loss"]
    assert (loss["value"], loss["low"], loss["high"]) == pytest.approx((means.mean(), low, high))
    assert found.loc["fid", "value"] == pytest.approx(21.5)
    assert (loss["step"], loss["seeds"], loss["seconds"]) == (5, 4, 10)


def test_one_seed_has_no_interval() -> None:
    found = curves({("siss", 7): measured({0: (1.0, [2.0]), 5: (3.0, [4.0])})}, 0.95)
    assert found["value"].tolist() == [1, 2, 3, 4]
    assert found[["low", "high"]].isna().all(axis=None)
    assert (found["seeds"] == 1).all()


def test_curves_are_in_order_of_approaches_and_steps() -> None:
    steps = {10: (1.0, [1.0]), 0: (2.0, [2.0])}
    found = curves({("siss", 0): measured(steps), ("erase_diff", 0): measured(steps)}, 0.95)
    order = found[["approach", "step"]].drop_duplicates()
    assert [*order.itertuples(index=False, name=None)] == [
        ("siss", 0),
        ("siss", 10),
        ("erase_diff", 0),
        ("erase_diff", 10),
    ]


def stopped_early() -> Tables:
    """The first seed stops at 5 steps, the second goes on to 15."""
    return {
        ("siss", 0): measured({0: (10.0, [1.0]), 5: (14.0, [9.0])}),
        ("siss", 1): measured({0: (10.0, [1.0]), 5: (12.0, [3.0]), 15: (16.0, [5.0])}),
    }


def test_after_an_early_stop_the_others_count_alone() -> None:
    found = curves(stopped_early(), 0.95)
    fid = found[found["behavior"] == "fid"].set_index("step")
    assert fid["value"].to_dict() == {0: 10, 5: 13, 15: 16}
    assert fid["seeds"].to_dict() == {0: 2, 5: 2, 15: 1}
    assert np.isnan(fid.loc[15, "low"])


def test_outcome_takes_each_seed_at_its_own_end() -> None:
    siss = judged(yardsticks() | stopped_early()).loc["siss"]
    assert (siss["fid"], siss["loss"]) == (15, 7)
    assert (siss["steps"], siss["seconds"], siss["seeds"]) == (10, 20, 2)
    low, high = stats.t.interval(0.95, 1, loc=15, scale=stats.sem([14, 16]))
    assert (siss["fid_low"], siss["fid_high"]) == pytest.approx((low, high))


def unlearned() -> Tables:
    """The last two are worse than siss and equal to it."""
    return {
        ("siss", 0): ended(12.0, 4.0),
        ("naive", 0): ended(10.5, 1.5),
        ("neg_grad", 0): ended(14.0, 4.0),
        ("siss_again", 0): ended(12.0, 4.0),
    }


def test_outcomes_know_front_forgotten_and_change() -> None:
    found = judged(yardsticks() | unlearned())
    assert found["kind"].tolist() == ["pretrained", "retrained", *["unlearned"] * 4]
    assert found.index[found["front"]].tolist() == ["siss", "naive", "siss_again"]
    assert found["forgotten"].to_dict() == {
        "pretrained": False,
        "retrained": True,
        "siss": True,
        "naive": False,
        "neg_grad": True,
        "siss_again": True,
    }
    assert found["quality_change"].to_dict() == pytest.approx(
        {
            "pretrained": 0,
            "retrained": 0.2,
            "siss": 0.2,
            "naive": 0.05,
            "neg_grad": 0.4,
            "siss_again": 0.2,
        }
    )


def test_yardsticks_do_not_keep_others_off_the_front() -> None:
    tables = yardsticks() | {("siss", 0): ended(99.0, 1.5)}
    assert judged(tables)["front"].to_dict() == {
        "pretrained": False,
        "retrained": False,
        "siss": True,
    }


def test_the_other_direction_turns_the_outcome() -> None:
    tables = {
        key: table.assign(value=-table["value"])
        for key, table in (yardsticks() | unlearned()).items()
    }
    turned = outcomes(
        tables,
        0.95,
        Criterion("fid", "higher"),
        Criterion("loss", "lower"),
        "pretrained",
        "retrained",
    ).set_index("approach")
    expected = judged(yardsticks() | unlearned())
    pd.testing.assert_frame_equal(turned[["front", "forgotten"]], expected[["front", "forgotten"]])
    np.testing.assert_allclose(turned["quality_change"], -expected["quality_change"])


def test_without_a_retrained_model_nobody_knows_what_is_forgotten() -> None:
    tables = {("pretrained", 0): ended(10.0, 1.0, step=0)} | unlearned()
    found = judged(tables, retrained=None)
    assert found["forgotten"].isna().all()
    assert found["front"].sum() == 3


#: The mean loss by two or more seeds (pretrained 1.0, retrained 3.5) -> what is said.
OUTCOMES: dict[str, tuple[list[float], str, str, bool]] = {
    "fell": ([0.5, 0.6], "not forgotten", "fell from 1 to 0.55; it should rise", False),
    "stayed": ([1.0, 1.0], "not forgotten", "stayed at 1; it should rise", False),
    "fell, one seed": ([0.4], "not forgotten", "fell from 1 to 0.4", False),
    "rose within noise": ([0.9, 1.6], "unclear", "reaches back to the pretrained model", False),
    "rose": ([2.2, 2.3], "partly", "rose from 1 to 2.25, 50% of the way", True),
    "fell a little": ([0.99991, 0.99991], "not forgotten", "from 1 to 0.9999; it", False),
    "rose, one seed": ([2.0], "partly", "40% of the way to the retrained model (3.5)", True),
    "as the retrained": ([3.6, 3.5], "forgotten", "as far as the retrained model (3.5)", True),
    "further": ([9.0, 9.1], "forgotten", "rose from 1 to 9.05", True),
    "broke": ([np.nan, 3.0], "unknown", "loss is nan", False),
    "infinite": ([np.inf, np.inf], "unknown", "loss is inf", False),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("case", OUTCOMES)
def test_outcome_says_whether_an_approach_forgot(case: str, turned: bool) -> None:
    """Not forgotten, not on the front; in the other direction everything is the same."""
    losses, outcome, told, front = OUTCOMES[case]
    tables = yardsticks() | {("siss", s): ended(11.0, loss) for s, loss in enumerate(losses)}
    forgetting = FORGETTING
    if turned:
        forgetting = Criterion("loss", "lower")
        tables = {key: table.assign(value=-table["value"]) for key, table in tables.items()}
        told = ""
    quality = Criterion("fid", "higher" if turned else "lower")
    found = outcomes(tables, 0.95, quality, forgetting, "pretrained", "retrained")
    siss = found.set_index("approach").loc["siss"]
    assert siss["outcome"] == outcome
    assert siss["explanation"].startswith(f"{outcome}: ")
    assert told in siss["explanation"]
    assert siss["front"] == front
    assert found.loc[found["kind"] != "unlearned", "explanation"].tolist() == ["", ""]
    doubts = unlearning_doubts(found)
    said = any(siss["explanation"] in doubt for doubt in doubts)
    assert said == (outcome not in ("forgotten", "partly"))
    assert any("one training seed" in doubt for doubt in doubts) == (len(losses) == 1)


def test_what_has_not_forgotten_keeps_nobody_off_the_front() -> None:
    tables = yardsticks() | {("naive", 0): ended(1.0, 0.9), ("siss", 0): ended(20.0, 2.0)}
    found = judged(tables)
    assert found["front"].to_dict()["siss"]
    assert not found.loc["naive", "front"]
    assert not found.loc["naive", "forgotten"]


def test_there_may_be_nothing_to_forget() -> None:
    tables = yardsticks() | {("pretrained", 0): ended(10.0, 4.0, step=0)}
    found = judged(tables | {("siss", 0): ended(11.0, 5.0)})
    assert found.loc["siss", "outcome"] == "nothing to forget"
    assert "4 and 3.5" in found.loc["siss", "explanation"]
    assert not found["front"].any()


def test_without_a_retrained_model_forgetting_has_no_bar() -> None:
    tables = {("pretrained", 0): ended(10.0, 1.0, step=0)}
    tables |= {("siss", 0): ended(11.0, 5.0), ("naive", 0): ended(9.0, 0.9)}
    found = judged(tables, retrained=None)
    assert found["outcome"].to_dict() == {
        "pretrained": "",
        "siss": "partly",
        "naive": "not forgotten",
    }
    assert "unlearning.retrain" in found.loc["siss", "explanation"]
    assert found["front"].to_dict()["siss"]


def test_a_model_that_broke_is_neither_on_the_front_nor_forgotten() -> None:
    """One query that is NaN is enough: a mean of the others would be of another thing."""
    broken = measured({10: (9.0, [np.nan, 9.0])})
    found = judged(yardsticks() | {("neg_grad", 0): broken, ("siss", 0): ended(12.0, 4.0)})
    assert np.isnan(found.loc["neg_grad", "loss"])
    assert not found.loc["neg_grad", "front"]
    assert found["forgotten"].isna().to_dict()["neg_grad"]
    assert found.loc["siss", "front"]


def test_infinite_values_raise_no_warnings(recwarn: pytest.WarningsRecorder) -> None:
    tables = yardsticks() | {("neg_grad", s): ended(np.inf, np.inf) for s in range(2)}
    found = judged(tables)
    assert not found.loc["neg_grad", "front"]
    assert found.loc["neg_grad", ["fid_low", "fid_high"]].isna().all()
    assert [str(warning.message) for warning in recwarn] == []


def test_behavior_that_one_approach_lacks_is_nan_there() -> None:
    siss = ended(12.0, 4.0)
    tables = yardsticks() | {("siss", 0): siss[siss["behavior"] == "loss"]}
    found = judged(tables)
    assert np.isnan(found.loc["siss", "fid"])
    assert not found.loc["siss", "front"]
    assert found.loc["siss", "forgotten"]


@pytest.mark.parametrize(
    ("quality", "pretrained", "retrained", "told"),
    [
        ("ssim", "pretrained", None, "behavior 'ssim' was not measured; measured: .*fid.*loss"),
        ("fid", "start", None, "approach 'start' was not measured"),
        ("fid", "pretrained", "exact", "approach 'exact' was not measured"),
    ],
)
def test_what_was_not_measured_is_told(
    quality: str, pretrained: str, retrained: str | None, told: str
) -> None:
    criterion = Criterion(quality, "lower")
    with pytest.raises(UserError, match=told):
        outcomes(yardsticks(), 0.95, criterion, FORGETTING, pretrained, retrained)
