"""Coalitions follow their distributions, and more of them change none that exist."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from diffcredit import coalitions
from diffcredit.config import Datamodel, Everyone, Nobody, Section, Shapley
from diffcredit.errors import UserError

SHAPLEY = Shapley(distribution="shapley", count=12, paired=False)
PAIRED = Shapley(distribution="shapley", count=12, paired=True)
DATAMODEL = Datamodel(distribution="datamodel", count=12, alpha=0.5)
EVERYONE = Everyone(distribution="full", count=12)
NOBODY = Nobody(distribution="none", count=12)


def drawn(distribution: Section, contributors: int, seed: int = 0) -> np.ndarray:
    numbers = range(distribution.count)  # type: ignore[attr-defined]
    return np.stack(list(coalitions.table(distribution, contributors, seed, numbers)["mask"]))


def seeds_of(distribution: Section, contributors: int, seed: int) -> set[int]:
    return set(coalitions.table(distribution, contributors, seed, range(12))["seed"])


def with_count(distribution: Section, count: int) -> Section:
    return distribution.model_copy(update={"count": count})


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
    size = coalitions.datamodel_size(contributors, percent / 100)
    assert size == percent * contributors // 100


def test_paired_coalitions_are_complements_with_one_pair_number() -> None:
    table = coalitions.table(PAIRED, 7, seed=3, numbers=range(12))
    masks = np.stack(list(table["mask"]))
    assert (masks[1::2] == ~masks[0::2]).all()
    assert list(table["pair"]) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    unpaired = coalitions.table(SHAPLEY, 7, seed=3, numbers=range(6))
    assert list(unpaired["pair"]) == list(unpaired["index"])


def test_everyone_and_nobody() -> None:
    assert drawn(EVERYONE, 4).all()
    assert not drawn(NOBODY, 4).any()
    assert len(seeds_of(NOBODY, 4, 0)) == 12  # repetitions are independent


@pytest.mark.parametrize("distribution", [SHAPLEY, PAIRED, DATAMODEL, EVERYONE, NOBODY])
def test_shards_of_coalitions_are_those_of_one_table(distribution: Section) -> None:
    """How many are asked for, and in which shards, changes none of them."""
    shards = [coalitions.table(with_count(distribution, 7), 6, 1, r) for r in (range(5), [5, 6])]
    whole = coalitions.table(with_count(distribution, 40), 6, 1, range(40))
    pd.testing.assert_frame_equal(pd.concat(shards, ignore_index=True), whole.head(7))


@pytest.mark.parametrize("distribution", [SHAPLEY, PAIRED, DATAMODEL])
def test_another_seed_draws_other_coalitions(distribution: Section) -> None:
    assert (drawn(distribution, 10, seed=1) != drawn(distribution, 10, seed=2)).any()
    assert not seeds_of(distribution, 10, 1) & seeds_of(distribution, 10, 2)


@pytest.mark.parametrize("distribution", [SHAPLEY, DATAMODEL])
def test_size_probabilities_are_those_of_the_draws(distribution: Section) -> None:
    probabilities = coalitions.size_probabilities(distribution, 6)
    sizes = drawn(with_count(distribution, 600), 6).sum(axis=1)
    assert probabilities.sum() == pytest.approx(1)
    assert set(sizes) == set(np.flatnonzero(probabilities))


def test_shapley_weights_are_kernel_over_sampling_probability() -> None:
    n = 6
    masks, _ = coalitions.every_coalition(n)
    sizes = masks.sum(axis=1)
    uniform = np.r_[0, np.full(n - 1, 1 / (n - 1)), 0]
    weights = coalitions.shapley_weights(masks, uniform)
    kernel = 1 / (sizes * (n - sizes))
    np.testing.assert_allclose(weights / weights[0], kernel / kernel[0])
    assert weights.mean() == pytest.approx(1)


def test_coalitions_drawn_under_the_kernel_weigh_alike() -> None:
    probabilities = coalitions.size_probabilities(SHAPLEY, 9)
    np.testing.assert_allclose(coalitions.shapley_weights(drawn(SHAPLEY, 9), probabilities), 1)


def test_every_coalition_with_the_weight_of_kernelshap() -> None:
    n = 5
    masks, weights = coalitions.every_coalition(n)
    assert len({tuple(mask) for mask in masks}) == 2**n - 2
    sizes = masks.sum(axis=1)
    assert ((sizes > 0) & (sizes < n)).all()
    kernel = np.array([(n - 1) / (math.comb(n, s) * s * (n - s)) for s in sizes])
    np.testing.assert_allclose(weights, kernel / kernel.mean())


def test_alpha_that_keeps_nobody_is_told() -> None:
    distribution = Datamodel(distribution="datamodel", count=4, alpha=0.2)
    with pytest.raises(UserError, match=r"alpha = 0\.2 keeps none of 4"):
        coalitions.table(distribution, 4, 0, range(2))


@pytest.mark.parametrize("contributors", [3, 12])
def test_alpha_that_the_hint_names_keeps_somebody(contributors: int) -> None:
    distribution = Datamodel(distribution="datamodel", count=1, alpha=0.5 / contributors)
    with pytest.raises(UserError) as told:
        coalitions.table(distribution, contributors, 0, range(2))
    hinted = float(str(told.value).split(">=")[1])
    assert coalitions.datamodel_size(contributors, hinted) == 1


def test_one_contributor_has_no_shapley_coalitions() -> None:
    with pytest.raises(UserError, match="2 contributors"):
        coalitions.table(SHAPLEY, 1, 0, range(2))
