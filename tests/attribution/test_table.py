"""From recorded behaviors to the table of an attribution."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows, rows_of

from diffcredit.attribution.table import Corrections, attribute, enough_to_fit, with_credit
from diffcredit.behaviors.table import Behaviors
from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.endpoints import Everyone, Nobody
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.single import AddOneIn, LeaveOneOut
from diffcredit.coalitions.table import table
from diffcredit.coalitions.uniform import Uniform
from diffcredit.errors import UserError
from diffcredit.registry import ESTIMATORS, Better

WORTH = {"fid": np.array([3.0, -2, 0.5, 8, -1]), "log_fid": np.array([1.0, 1, 2, -1, 0])}
SHAPLEY = Shapley(distribution="shapley", count=20, paired=True)
FEW = Shapley(distribution="shapley", count=30, paired=False)
UNIFORM = Uniform(distribution="uniform", count=40)
DATAMODEL = Datamodel(distribution="datamodel", count=20, alpha=0.6)


def recorded(distribution: Distribution, training_seeds: int = 1, seed: int = 0) -> pd.DataFrame:
    """Behaviors of additive games in rows: two behaviors and, of one, two queries."""
    numbers = range(distribution.options.count or 5)
    drawn = table(distribution, 5, seed, numbers)
    rows = []
    for training_seed in range(training_seeds):
        for _, row in drawn.iterrows():
            for behavior, worth in WORTH.items():
                for query in (0, 1) if behavior == "fid" else (0,):
                    rows.append(
                        {
                            "coalition": row["index"],
                            "training_seed": training_seed,
                            "pair": row["pair"],
                            "mask": row["mask"],
                            "behavior": behavior,
                            "query": query,
                            "value": 50 + (1 + query) * float(worth @ row["mask"]),
                        }
                    )
    return pd.DataFrame(rows)


@pytest.fixture
def endpoints() -> dict[str, Behaviors]:
    return {
        "full": of_rows(recorded(Everyone(distribution="full", count=3))),
        "none": of_rows(recorded(Nobody(distribution="none", count=2))),
    }


def values(result: pd.DataFrame, behavior: str, query: int = 0) -> np.ndarray:
    part = result[(result["behavior"] == behavior) & (result["query"] == query)]
    return part.sort_values("contributor")["value"].to_numpy()


def test_each_behavior_and_query_has_its_own_values(endpoints: dict[str, Behaviors]) -> None:
    result = attribute("shapley_constrained", of_rows(recorded(SHAPLEY)), endpoints, SHAPLEY)
    assert len(result) == 5 * 3
    np.testing.assert_allclose(values(result, "fid"), WORTH["fid"], atol=1e-8)
    np.testing.assert_allclose(values(result, "fid", 1), 2 * WORTH["fid"], atol=1e-8)
    np.testing.assert_allclose(values(result, "log_fid"), WORTH["log_fid"], atol=1e-8)


def test_order_of_rows_does_not_matter(endpoints: dict[str, Behaviors]) -> None:
    behaviors = recorded(SHAPLEY, training_seeds=2)
    behaviors["value"] += np.random.default_rng(0).normal(size=len(behaviors))
    expected = attribute("shapley_ridge", of_rows(behaviors), endpoints, SHAPLEY)
    shuffled = attribute(
        "shapley_ridge",
        of_rows(behaviors.sample(frac=1, random_state=1)),
        {
            name: of_rows(rows_of(found).sample(frac=1, random_state=2))
            for name, found in endpoints.items()
        },
        SHAPLEY,
    )
    keys = ["behavior", "query", "contributor"]
    pd.testing.assert_frame_equal(
        shuffled.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


@pytest.mark.parametrize(
    ("better", "sign", "ranks"),
    [
        ("higher", 1.0, [2, 5, 3, 1, 4]),
        ("lower", -1.0, [4, 1, 3, 5, 2]),
        (None, np.nan, [2, 5, 3, 1, 4]),
    ],
)
@pytest.mark.parametrize("query", [0, 1])
def test_rank_one_helped_most(
    endpoints: dict[str, Behaviors],
    query: int,
    better: Better,
    sign: float,
    ranks: list[int],
) -> None:
    """Credit has one direction whatever that of the behavior; without one, values are ranked."""
    table = attribute("shapley_constrained", of_rows(recorded(SHAPLEY)), endpoints, SHAPLEY)
    result = with_credit(table, {"fid": better, "log_fid": "higher"})
    pd.testing.assert_frame_equal(result[table.columns], table)
    part = result[(result["behavior"] == "fid") & (result["query"] == query)]
    part = part.sort_values("contributor")
    assert list(part["rank"]) == ranks
    np.testing.assert_array_equal(part["credit"], sign * part["value"])
    other = result[result["behavior"] == "log_fid"].sort_values("contributor")
    assert list(other["rank"]) == [2, 2, 1, 5, 4]


def test_pairs_and_training_seeds_are_left_out_together() -> None:
    """Copies of the same measurements are no new evidence: the standard errors stay."""
    once = recorded(SHAPLEY)
    once["value"] += np.random.default_rng(0).normal(size=len(once))
    twice = pd.concat([once, once.assign(training_seed=1)], ignore_index=True)
    of_once, of_twice = (
        attribute("datamodel_ridge", of_rows(b), {}, SHAPLEY) for b in (once, twice)
    )
    np.testing.assert_allclose(of_twice["value"], of_once["value"], atol=1e-8)
    np.testing.assert_allclose(of_twice["standard_error"], of_once["standard_error"], rtol=1e-6)


@pytest.mark.parametrize("distribution", [SHAPLEY, DATAMODEL])
def test_datamodel_needs_no_endpoints(distribution: Distribution) -> None:
    result = attribute("datamodel_ridge", of_rows(recorded(distribution)), {}, distribution)
    fitted = values(result, "fid")
    # Where every coalition has one size, the level of the slopes is not determined.
    np.testing.assert_allclose(
        fitted - fitted.mean(), WORTH["fid"] - WORTH["fid"].mean(), atol=0.05
    )


@pytest.mark.parametrize("estimator", ["banzhaf", "banzhaf_ridge", "datamodel_lasso"])
def test_additive_game_has_the_same_values_by_every_estimator(estimator: str) -> None:
    result = attribute(estimator, of_rows(recorded(UNIFORM)), {}, UNIFORM)
    np.testing.assert_allclose(values(result, "fid"), WORTH["fid"], atol=0.02)


@pytest.mark.parametrize("estimator", ["shapley_constrained", "shapley_ridge"])
def test_empty_and_full_coalitions_do_not_count_for_shapley_values(
    endpoints: dict[str, Behaviors], estimator: str
) -> None:
    """Under `uniform` they occur; their weight would be infinite, and the endpoints have them."""
    behaviors = recorded(UNIFORM)
    sizes = behaviors["mask"].map(sum)
    assert sizes.isin([0, 5]).any()
    broken = behaviors.assign(value=behaviors["value"] + 1e6 * sizes.isin([0, 5]))
    result = attribute(estimator, of_rows(broken), endpoints, UNIFORM)
    np.testing.assert_allclose(values(result, "fid"), WORTH["fid"], atol=0.02)


def test_leave_one_out_and_add_one_in(endpoints: dict[str, Behaviors]) -> None:
    for estimator, distribution, end in (
        ("leave_one_out", LeaveOneOut(distribution="leave_one_out"), "full"),
        ("add_one_in", AddOneIn(distribution="add_one_in"), "none"),
    ):
        behaviors = recorded(distribution, training_seeds=2)
        result = attribute(estimator, of_rows(behaviors), {end: endpoints[end]}, distribution)
        np.testing.assert_allclose(values(result, "fid"), WORTH["fid"])
        np.testing.assert_allclose(result["standard_error"], 0, atol=1e-6)
        some = behaviors[behaviors["coalition"] != 3]
        with pytest.raises(UserError, match="each of 5 contributors; there are 4"):
            attribute(estimator, of_rows(some), {end: endpoints[end]}, distribution)


def cheaply(behaviors: pd.DataFrame) -> pd.DataFrame:
    """What a cheap approach measures: a tenth of what contributors do, and wrong about each."""
    mistakes = np.array([0.5, -0.3, 0.0, 0.2, 0.1])
    wrong = behaviors["mask"].map(lambda mask: float(mistakes @ mask))
    return behaviors.assign(value=50 + 0.1 * (behaviors["value"] - 50) + wrong)


def corrections() -> Corrections:
    return Corrections(
        cheap=of_rows(cheaply(recorded(FEW, 1, seed=1))),
        exact=of_rows(recorded(FEW, 2, seed=1)),
        exact_full=of_rows(recorded(Everyone(distribution="full", count=2))),
        distribution=FEW,
    )


@pytest.mark.parametrize("estimator", ["two_level", "two_level_free"])
def test_two_levels_give_the_exact_values(endpoints: dict[str, Behaviors], estimator: str) -> None:
    ends = {"full": of_rows(cheaply(rows_of(endpoints["full"]))), "none": endpoints["none"]}
    needed = {name: ends[name] for name in ESTIMATORS[estimator].endpoints}
    many = recorded(Shapley(distribution="shapley", count=60))
    result = attribute(estimator, of_rows(cheaply(many)), needed, SHAPLEY, corrections())
    np.testing.assert_allclose(values(result, "fid"), WORTH["fid"], atol=0.02)
    np.testing.assert_allclose(values(result, "log_fid"), WORTH["log_fid"], atol=0.02)


def test_corrections_of_other_coalitions_are_told(endpoints: dict[str, Behaviors]) -> None:
    few = corrections()
    some = dataclasses.replace(few, cheap=few.cheap.of_models(few.cheap.models["coalition"] != 7))
    with pytest.raises(UserError, match="not the same coalitions"):
        attribute("two_level", of_rows(recorded(SHAPLEY)), endpoints, SHAPLEY, some)


def test_too_few_corrections_are_told(endpoints: dict[str, Behaviors]) -> None:
    few = corrections()
    two = dataclasses.replace(
        few,
        cheap=few.cheap.of_models(few.cheap.models["coalition"] < 2),
        exact=few.exact.of_models(few.exact.models["coalition"] < 2),
    )
    with pytest.raises(UserError, match="the correction of two_level cannot be fitted on 2"):
        attribute("two_level", of_rows(recorded(SHAPLEY)), endpoints, SHAPLEY, two)


def test_one_pair_is_too_few(endpoints: dict[str, Behaviors]) -> None:
    """Its training seeds are one observation."""
    one = recorded(Shapley(distribution="shapley", count=2), training_seeds=3)
    with pytest.raises(UserError, match="cannot be fitted on 6 coalitions"):
        attribute("datamodel_lasso", of_rows(one), {}, SHAPLEY)


def test_too_few_coalitions_are_told(endpoints: dict[str, Behaviors]) -> None:
    few = recorded(Shapley(distribution="shapley", count=2))
    with pytest.raises(UserError, match="shapley_constrained cannot be fitted on 2 coalitions"):
        attribute("shapley_constrained", of_rows(few), endpoints, SHAPLEY)


def test_enough_to_fit_is_told_before_fitting() -> None:
    some = of_rows(recorded(SHAPLEY))
    assert enough_to_fit(some)
    assert not enough_to_fit(some.of_models(some.models["coalition"] < 2))
    assert not enough_to_fit(some.of_models(some.models["coalition"] < 0))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_behavior_that_is_not_finite_is_told_with_its_coalition(
    endpoints: dict[str, Behaviors], broken: float
) -> None:
    behaviors = recorded(SHAPLEY)
    behaviors.loc[behaviors["coalition"] == 7, "value"] = broken
    with pytest.raises(UserError, match="coalition 7, training seed 0"):
        attribute("shapley_ridge", of_rows(behaviors), endpoints, SHAPLEY)


def test_missing_behavior_of_one_coalition_is_told(endpoints: dict[str, Behaviors]) -> None:
    behaviors = recorded(SHAPLEY)
    hole = (behaviors["coalition"] == 4) & (behaviors["behavior"] == "log_fid")
    with pytest.raises(UserError, match="coalition 4"):
        attribute("shapley_ridge", of_rows(behaviors[~hole]), endpoints, SHAPLEY)
