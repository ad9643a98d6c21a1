"""Coalitions follow their distributions, and more of them change none that exist."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2

from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.endpoints import Everyone, Nobody
from diffcredit.coalitions.listed import Listed
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.single import AddOneIn, LeaveOneOut
from diffcredit.coalitions.sizes import shapley_probabilities
from diffcredit.coalitions.table import importance, table
from diffcredit.coalitions.uniform import Uniform
from diffcredit.errors import UserError

SHAPLEY = Shapley(distribution="shapley", count=12, paired=False)
PAIRED = Shapley(distribution="shapley", count=12, paired=True)
DATAMODEL = Datamodel(distribution="datamodel", count=12, alpha=0.5)
LEVERAGE = Shapley(distribution="shapley", count=12, paired=True, sampling="leverage")
BALANCED = Shapley(distribution="shapley", count=12, balanced=True)
BALANCED_LEVERAGE = Shapley(distribution="shapley", count=12, balanced=True, sampling="leverage")
UNIFORM = Uniform(distribution="uniform", count=12, paired=False)
UNIFORM_PAIRED = Uniform(distribution="uniform", count=12, paired=True)
DRAWN = [SHAPLEY, PAIRED, LEVERAGE, BALANCED, BALANCED_LEVERAGE, DATAMODEL, UNIFORM, UNIFORM_PAIRED]
LEAVE_ONE_OUT = LeaveOneOut(distribution="leave_one_out")
ADD_ONE_IN = AddOneIn(distribution="add_one_in")
EVERYONE = Everyone(distribution="full", count=12)
NOBODY = Nobody(distribution="none", count=12)


def drawn(distribution: Distribution, contributors: int, seed: int = 0) -> np.ndarray:
    numbers = range(distribution.options.count or contributors)
    return np.stack(list(table(distribution, contributors, seed, numbers)["mask"]))


def seeds_of(distribution: Distribution, contributors: int, seed: int) -> set[int]:
    return set(table(distribution, contributors, seed, range(12))["seed"])


def changed(distribution: Distribution, **options: Any) -> Distribution:
    return type(distribution).of(distribution.options.model_copy(update=options))


def with_count(distribution: Distribution, count: int) -> Distribution:
    return changed(distribution, count=count)


def assert_frequencies(counts: np.ndarray, probabilities: np.ndarray) -> None:
    """A chi-square test at 1 in 1,000; the draws are seeded, so it passes or fails for good."""
    expected = counts.sum() * probabilities
    assert expected.min() > 5
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(0.999, len(counts) - 1)


@pytest.mark.parametrize("paired", [False, True])
def test_shapley_sizes_follow_the_kernel(paired: bool) -> None:
    n = 8
    distribution = Shapley(distribution="shapley", count=4000, paired=paired)
    sizes = drawn(distribution, n)[:: 2 if paired else 1].sum(axis=1)
    kernel = np.array([(n - 1) / (s * (n - s)) for s in range(1, n)])
    assert_frequencies(np.bincount(sizes, minlength=n + 1)[1:n], kernel / kernel.sum())
    assert sizes.min() >= 1
    assert sizes.max() <= n - 1


def test_shapley_coalitions_of_one_size_are_equally_likely() -> None:
    n = 5
    masks = drawn(with_count(SHAPLEY, 3000), n)
    pairs = masks[masks.sum(axis=1) == 2]
    numbers = pairs @ (1 << np.arange(n))
    counts = np.bincount(numbers, minlength=32)
    assert_frequencies(counts[counts > 0], np.full(math.comb(n, 2), 1 / math.comb(n, 2)))


@pytest.mark.parametrize("paired", [False, True])
def test_leverage_draws_every_size_alike(paired: bool) -> None:
    n = 8
    distribution = Shapley(distribution="shapley", count=4000, paired=paired, sampling="leverage")
    sizes = drawn(distribution, n)[:: 2 if paired else 1].sum(axis=1)
    counts = np.bincount(sizes, minlength=n + 1)
    assert counts[0] == counts[n] == 0
    assert_frequencies(counts[1:n], np.full(n - 1, 1 / (n - 1)))


@pytest.mark.parametrize("paired", [False, True])
def test_uniform_coalitions_are_equally_likely(paired: bool) -> None:
    """All 2^N of them, everybody and nobody too."""
    n = 5
    distribution = Uniform(distribution="uniform", count=4000, paired=paired)
    masks = drawn(distribution, n)[:: 2 if paired else 1]
    counts = np.bincount(masks @ (1 << np.arange(n)), minlength=2**n)
    assert_frequencies(counts, np.full(2**n, 2.0**-n))


def test_leave_one_out_and_add_one_in_go_through_the_contributors() -> None:
    np.testing.assert_array_equal(drawn(ADD_ONE_IN, 5), np.eye(5, dtype=bool))
    np.testing.assert_array_equal(drawn(LEAVE_ONE_OUT, 5), ~np.eye(5, dtype=bool))


@pytest.mark.parametrize("kind", [LEAVE_ONE_OUT, ADD_ONE_IN])
def test_count_that_is_not_the_number_of_contributors_is_told(kind: Distribution) -> None:
    distribution = with_count(kind, 7)
    with pytest.raises(UserError, match="count = 7: must be the number of contributors, 5"):
        table(distribution, 5, 0, range(5))


def test_datamodel_coalitions_are_equally_likely() -> None:
    n = 5
    masks = drawn(Datamodel(distribution="datamodel", count=2000, alpha=0.4), n)
    counts = np.bincount(masks @ (1 << np.arange(n)), minlength=32)
    assert_frequencies(counts[counts > 0], np.full(math.comb(n, 2), 1 / math.comb(n, 2)))


@pytest.mark.parametrize(
    ("alpha", "contributors", "kept"),
    [(0.5, 12, 6), (0.5, 13, 6), (0.25, 10, 2), (0.75, 10, 7), (0.99, 10, 9), (0.1, 10, 1)],
)
def test_datamodel_keeps_floor_of_alpha_n(alpha: float, contributors: int, kept: int) -> None:
    masks = drawn(Datamodel(distribution="datamodel", count=20, alpha=alpha), contributors)
    assert (masks.sum(axis=1) == kept).all()


@pytest.mark.parametrize(("percent", "contributors"), [(29, 100), (57, 100), (58, 50)])
def test_datamodel_size_is_exact_where_alpha_n_is_whole(percent: int, contributors: int) -> None:
    """0.29 * 100 is 28.999999999999996 in floating point; 29 contributors are meant."""
    size = Datamodel(alpha=percent / 100).size(contributors)
    assert size == percent * contributors // 100


@pytest.mark.parametrize("contributors", [5, 12])
@pytest.mark.parametrize("distribution", [BALANCED, BALANCED_LEVERAGE])
def test_balanced_coalitions_load_all_contributors_alike(
    distribution: Shapley, contributors: int
) -> None:
    """Weighted sums of |S| over the coalitions of each differ by no more than a pair's."""
    spreads = []
    for balanced in (True, False):
        asked = changed(distribution, count=200, balanced=balanced)
        masks = drawn(asked, contributors)
        weights, sizes = importance(masks, SHAPLEY, asked), masks.sum(axis=1)
        spreads.append(np.ptp((weights * sizes) @ masks))
        largest = (weights * np.abs(contributors - 2 * sizes)).max()
        assert (spreads[-1] <= largest) == balanced
    assert spreads[1] > 4 * spreads[0]


@pytest.mark.slow
@pytest.mark.parametrize("distribution", [BALANCED, BALANCED_LEVERAGE])
@pytest.mark.parametrize("index", [0, 5, 8])
def test_balanced_coalition_by_itself_is_an_independent_one(
    distribution: Shapley, index: int
) -> None:
    """Over seeds: sizes as without balance, and all coalitions of one size equally likely."""
    n = 5
    masks = np.stack([table(distribution, n, seed, [index])["mask"][0] for seed in range(3000)])
    sizes = masks.sum(axis=1)
    probabilities = np.exp(distribution.log_size_probabilities(n))
    assert_frequencies(np.bincount(sizes, minlength=n + 1)[1:n], probabilities[1:n])
    counts = np.bincount(masks[sizes == 2] @ (1 << np.arange(n)), minlength=32)
    assert_frequencies(counts[counts > 0], np.full(math.comb(n, 2), 1 / math.comb(n, 2)))


def test_balanced_coalitions_of_one_size_keep_all_pairs_equally_often() -> None:
    """In one long draw: who is in with whom is not tied to who has the least load."""
    n = 8
    masks = drawn(with_count(BALANCED, 6000), n)
    threes = masks[masks.sum(axis=1) == 3].astype(int)
    together = (threes.T @ threes)[np.triu_indices(n, 1)]
    expected = 3 * 2 / (n * (n - 1))
    spread = np.sqrt(expected * (1 - expected) / len(threes))
    assert np.abs(together / len(threes) - expected).max() < 4 * spread


@pytest.mark.parametrize(
    "distribution", [PAIRED, LEVERAGE, BALANCED, BALANCED_LEVERAGE, UNIFORM_PAIRED]
)
def test_paired_coalitions_are_complements_with_one_pair_number(
    distribution: Distribution,
) -> None:
    paired = table(distribution, 7, seed=3, numbers=range(12))
    masks = np.stack(list(paired["mask"]))
    assert (masks[1::2] == ~masks[0::2]).all()
    assert list(paired["pair"]) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    unpaired = table(SHAPLEY, 7, seed=3, numbers=range(6))
    assert list(unpaired["pair"]) == list(unpaired["index"])


@pytest.mark.parametrize("distribution", DRAWN)
def test_no_coalitions_are_an_empty_table(distribution: Distribution) -> None:
    assert table(distribution, 5, 0, []).empty


def test_everyone_and_nobody() -> None:
    assert drawn(EVERYONE, 4).all()
    assert not drawn(NOBODY, 4).any()
    assert len(seeds_of(NOBODY, 4, 0)) == 12  # repetitions are independent


@pytest.mark.parametrize("distribution", [*DRAWN, EVERYONE, NOBODY])
def test_shards_of_coalitions_are_those_of_one_table(distribution: Distribution) -> None:
    """How many are asked for, and in which shards, changes none of them."""
    shards = [table(with_count(distribution, 7), 6, 1, r) for r in (range(5), [5, 6])]
    whole = table(with_count(distribution, 40), 6, 1, range(40))
    pd.testing.assert_frame_equal(pd.concat(shards, ignore_index=True), whole.head(7))


@pytest.mark.parametrize("distribution", DRAWN)
def test_another_seed_draws_other_coalitions(distribution: Distribution) -> None:
    assert (drawn(distribution, 10, seed=1) != drawn(distribution, 10, seed=2)).any()
    assert not seeds_of(distribution, 10, 1) & seeds_of(distribution, 10, 2)


@pytest.mark.parametrize("distribution", [*DRAWN, LEAVE_ONE_OUT, ADD_ONE_IN, EVERYONE, NOBODY])
def test_size_probabilities_are_those_of_the_draws(distribution: Distribution) -> None:
    """The leverage of N = 6 contributors and all others: frequencies of sizes."""
    n = 6
    probabilities = np.exp(distribution.log_size_probabilities(n))
    assert probabilities.sum() == pytest.approx(1)
    if isinstance(distribution, LeaveOneOut | AddOneIn):
        sizes = drawn(distribution, n).sum(axis=1)
    else:
        sizes = drawn(with_count(distribution, 2000), n).sum(axis=1)
    counts = np.bincount(sizes, minlength=n + 1)
    np.testing.assert_array_equal(counts > 0, probabilities > 0)
    np.testing.assert_allclose(counts / len(sizes), probabilities, atol=0.05)


@pytest.mark.parametrize("n", [6, 5000])
def test_uniform_size_probabilities_are_binomial(n: int) -> None:
    logs = UNIFORM.log_size_probabilities(n)
    np.testing.assert_allclose(logs, binom.logpmf(np.arange(n + 1), n, 0.5), rtol=1e-9, atol=1e-8)


def every_mask(n: int) -> np.ndarray:
    return (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1


LIST = Listed(distribution="file", path="every.csv")


def test_importance_is_wanted_over_sampling_probability() -> None:
    """Of a list of all coalitions, the weight of KernelSHAP; nobody and everybody have none."""
    n = 5
    masks = every_mask(n)
    weights = importance(masks, SHAPLEY, LIST)
    sizes = masks.sum(axis=1)
    proper = (sizes > 0) & (sizes < n)
    np.testing.assert_array_equal(weights[~proper], 0)
    kernel = np.array([(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes[proper]])
    np.testing.assert_allclose(weights[proper] / weights[1], kernel / kernel[0])
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("distribution", [LEVERAGE, UNIFORM, LIST])
def test_weighted_sizes_are_those_of_the_kernel(distribution: Distribution) -> None:
    """The sum of weights of each size, times how often it is drawn."""
    n = 7
    masks = np.tri(n - 1, n, dtype=bool)  # one of each size
    weights = importance(masks, SHAPLEY, distribution)
    drawn_as = np.exp(distribution.log_size_probabilities(n))[1:n]
    kernel = shapley_probabilities(n)[1:n]
    np.testing.assert_allclose(weights * drawn_as / (weights * drawn_as).sum(), kernel)


@pytest.mark.parametrize("distribution", [SHAPLEY, changed(LIST, drawn="shapley")])
def test_coalitions_drawn_under_the_kernel_weigh_alike(distribution: Distribution) -> None:
    masks = drawn(SHAPLEY, 9)
    np.testing.assert_allclose(importance(masks, SHAPLEY, distribution), 1)


def test_thousands_of_contributors_have_weights() -> None:
    """2^-N is 0 in floating point; the weights are not."""
    n = 5000
    masks = drawn(UNIFORM, n)
    weights = importance(masks, SHAPLEY, UNIFORM)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)


def test_coalition_that_cannot_have_been_drawn_is_told() -> None:
    with pytest.raises(UserError, match="datamodel has no coalitions of 1 of 6"):
        importance(np.eye(6, dtype=bool), SHAPLEY, DATAMODEL)


def test_coalitions_that_tell_nothing_are_told() -> None:
    with pytest.raises(UserError, match="everybody or nobody"):
        importance(np.ones((4, 6), dtype=bool), SHAPLEY, UNIFORM)


def test_alpha_that_keeps_nobody_is_told() -> None:
    distribution = Datamodel(distribution="datamodel", count=4, alpha=0.2)
    with pytest.raises(UserError, match=r"alpha = 0\.2: keeps none of 4"):
        table(distribution, 4, 0, range(2))


@pytest.mark.parametrize("contributors", [2, 3, 7, 12, 97, 1000, 30_000])
def test_alpha_that_the_hint_names_keeps_somebody(contributors: int) -> None:
    distribution = Datamodel(distribution="datamodel", count=1, alpha=0.5 / contributors)
    with pytest.raises(UserError) as told:
        table(distribution, contributors, 0, range(2))
    hinted = float(str(told.value).split(">=")[1])
    assert Datamodel(alpha=hinted).size(contributors) == 1


def test_one_contributor_has_no_shapley_coalitions() -> None:
    with pytest.raises(UserError, match="2 contributors"):
        table(SHAPLEY, 1, 0, range(2))
