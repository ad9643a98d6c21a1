"""Coalitions follow their distributions, and more of them change none that exist."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2

from diffcredit import coalitions
from diffcredit.config import (
    AddOneIn,
    Datamodel,
    Distribution,
    Everyone,
    LeaveOneOut,
    Listed,
    Nobody,
    Shapley,
    Uniform,
)
from diffcredit.errors import UserError

SHAPLEY = Shapley(distribution="shapley", count=12, paired=False)
PAIRED = Shapley(distribution="shapley", count=12, paired=True)
DATAMODEL = Datamodel(distribution="datamodel", count=12, alpha=0.5)
LEVERAGE = Shapley(distribution="shapley", count=12, paired=True, sampling="leverage")
BALANCED = Shapley(distribution="shapley", count=12, balanced=True)
BALANCED_LEVERAGE = BALANCED.model_copy(update={"sampling": "leverage"})
UNIFORM = Uniform(distribution="uniform", count=12, paired=False)
UNIFORM_PAIRED = Uniform(distribution="uniform", count=12, paired=True)
DRAWN = [SHAPLEY, PAIRED, LEVERAGE, BALANCED, BALANCED_LEVERAGE, DATAMODEL, UNIFORM, UNIFORM_PAIRED]
LEAVE_ONE_OUT = LeaveOneOut(distribution="leave_one_out")
ADD_ONE_IN = AddOneIn(distribution="add_one_in")
EVERYONE = Everyone(distribution="full", count=12)
NOBODY = Nobody(distribution="none", count=12)


def drawn(distribution: Distribution, contributors: int, seed: int = 0) -> np.ndarray:
    numbers = range(distribution.count or contributors)
    return np.stack(list(coalitions.table(distribution, contributors, seed, numbers)["mask"]))


def seeds_of(distribution: Distribution, contributors: int, seed: int) -> set[int]:
    return set(coalitions.table(distribution, contributors, seed, range(12))["seed"])


def with_count(distribution: Distribution, count: int) -> Distribution:
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
    distribution = kind.model_copy(update={"count": 7})
    with pytest.raises(UserError, match="count = 7: must be the number of contributors, 5"):
        coalitions.table(distribution, 5, 0, range(5))


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


@pytest.mark.parametrize("contributors", [5, 12])
@pytest.mark.parametrize("distribution", [BALANCED, BALANCED_LEVERAGE])
def test_balanced_coalitions_load_all_contributors_alike(
    distribution: Shapley, contributors: int
) -> None:
    """Weighted sums of |S| over the coalitions of each differ by no more than a pair's."""
    spreads = []
    for balanced in (True, False):
        asked = distribution.model_copy(update={"count": 200, "balanced": balanced})
        masks = drawn(asked, contributors)
        weights, sizes = coalitions.importance(masks, SHAPLEY, asked), masks.sum(axis=1)
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
    masks = np.stack(
        [coalitions.table(distribution, n, seed, [index])["mask"][0] for seed in range(3000)]
    )
    sizes = masks.sum(axis=1)
    probabilities = np.exp(coalitions.log_size_probabilities(distribution, n))
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
    table = coalitions.table(distribution, 7, seed=3, numbers=range(12))
    masks = np.stack(list(table["mask"]))
    assert (masks[1::2] == ~masks[0::2]).all()
    assert list(table["pair"]) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    unpaired = coalitions.table(SHAPLEY, 7, seed=3, numbers=range(6))
    assert list(unpaired["pair"]) == list(unpaired["index"])


@pytest.mark.parametrize("distribution", DRAWN)
def test_no_coalitions_are_an_empty_table(distribution: Distribution) -> None:
    assert coalitions.table(distribution, 5, 0, []).empty


def test_everyone_and_nobody() -> None:
    assert drawn(EVERYONE, 4).all()
    assert not drawn(NOBODY, 4).any()
    assert len(seeds_of(NOBODY, 4, 0)) == 12  # repetitions are independent


@pytest.mark.parametrize("distribution", [*DRAWN, EVERYONE, NOBODY])
def test_shards_of_coalitions_are_those_of_one_table(distribution: Distribution) -> None:
    """How many are asked for, and in which shards, changes none of them."""
    shards = [coalitions.table(with_count(distribution, 7), 6, 1, r) for r in (range(5), [5, 6])]
    whole = coalitions.table(with_count(distribution, 40), 6, 1, range(40))
    pd.testing.assert_frame_equal(pd.concat(shards, ignore_index=True), whole.head(7))


@pytest.mark.parametrize("distribution", DRAWN)
def test_another_seed_draws_other_coalitions(distribution: Distribution) -> None:
    assert (drawn(distribution, 10, seed=1) != drawn(distribution, 10, seed=2)).any()
    assert not seeds_of(distribution, 10, 1) & seeds_of(distribution, 10, 2)


@pytest.mark.parametrize("distribution", [*DRAWN, LEAVE_ONE_OUT, ADD_ONE_IN, EVERYONE, NOBODY])
def test_size_probabilities_are_those_of_the_draws(distribution: Distribution) -> None:
    """The leverage of N = 6 contributors and all others: frequencies of sizes."""
    n = 6
    probabilities = np.exp(coalitions.log_size_probabilities(distribution, n))
    assert probabilities.sum() == pytest.approx(1)
    if distribution.distribution in ("leave_one_out", "add_one_in"):
        sizes = drawn(distribution, n).sum(axis=1)
    else:
        sizes = drawn(with_count(distribution, 2000), n).sum(axis=1)
    counts = np.bincount(sizes, minlength=n + 1)
    np.testing.assert_array_equal(counts > 0, probabilities > 0)
    np.testing.assert_allclose(counts / len(sizes), probabilities, atol=0.05)


@pytest.mark.parametrize("n", [6, 5000])
def test_uniform_size_probabilities_are_binomial(n: int) -> None:
    logs = coalitions.log_size_probabilities(UNIFORM, n)
    np.testing.assert_allclose(logs, binom.logpmf(np.arange(n + 1), n, 0.5), rtol=1e-9, atol=1e-8)


def every_mask(n: int) -> np.ndarray:
    return (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1


LIST = Listed(distribution="file", path="every.csv")


def test_importance_is_wanted_over_sampling_probability() -> None:
    """Of a list of all coalitions, the weight of KernelSHAP; nobody and everybody have none."""
    n = 5
    masks = every_mask(n)
    weights = coalitions.importance(masks, SHAPLEY, LIST)
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
    weights = coalitions.importance(masks, SHAPLEY, distribution)
    drawn_as = np.exp(coalitions.log_size_probabilities(distribution, n))[1:n]
    kernel = coalitions.shapley_size_probabilities(n)[1:n]
    np.testing.assert_allclose(weights * drawn_as / (weights * drawn_as).sum(), kernel)


@pytest.mark.parametrize("distribution", [SHAPLEY, LIST.model_copy(update={"drawn": "shapley"})])
def test_coalitions_drawn_under_the_kernel_weigh_alike(distribution: Distribution) -> None:
    masks = drawn(SHAPLEY, 9)
    np.testing.assert_allclose(coalitions.importance(masks, SHAPLEY, distribution), 1)


def test_thousands_of_contributors_have_weights() -> None:
    """2^-N is 0 in floating point; the weights are not."""
    n = 5000
    masks = drawn(UNIFORM, n)
    weights = coalitions.importance(masks, SHAPLEY, UNIFORM)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)


def test_coalition_that_cannot_have_been_drawn_is_told() -> None:
    with pytest.raises(UserError, match="datamodel has no coalitions of 1 of 6"):
        coalitions.importance(np.eye(6, dtype=bool), SHAPLEY, DATAMODEL)


def test_coalitions_that_tell_nothing_are_told() -> None:
    with pytest.raises(UserError, match="everybody or nobody"):
        coalitions.importance(np.ones((4, 6), dtype=bool), SHAPLEY, UNIFORM)


NAMES = ["ann", "bob", "cid", "dan"]


def listed(folder: Path, name: str, text: str) -> Listed:
    (folder / name).write_text(text)
    return Listed(distribution="file", path=str(folder / name))


FORMS = {
    "names.csv": "bob,ann,dan,cid\n1,0,1,0\n0,0,0,0\n1,1,1,1\n",
    "numbers.csv": "0,1,2,3\n0,1,0,1\n0,0,0,0\n1,1,1,1\n",
    "names.jsonl": '["dan", "bob"]\n[]\n\n["ann", "bob", "cid", "dan"]\n',
    "numbers.jsonl": "[1, 3]\n[]\n[3, 2, 1, 0]\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_list_of_coalitions(tmp_path: Path, form: str) -> None:
    distribution = listed(tmp_path, form, FORMS[form])
    table = coalitions.table(distribution, 4, 0, range(3), NAMES)
    expected = [[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]
    np.testing.assert_array_equal(np.stack(list(table["mask"])), expected)
    shard = coalitions.table(distribution, 4, 0, range(2, 3), NAMES)
    pd.testing.assert_frame_equal(shard, table.tail(1).reset_index(drop=True))


WRONG = {
    "unknown name": ("a.jsonl", '["ann"]\n["bo"]\n', ["line 2", "'bo'", "mean 'bob'"]),
    "unknown number": ("a.jsonl", "[0]\n[4]\n", ["line 2", "4 is no contributor", "0 to 3"]),
    "negative number": ("a.jsonl", "[-1]\n[1]\n", ["line 1", "-1"]),
    "twice": ("a.jsonl", '["ann", 0]\n[1]\n', ["line 1", "twice"]),
    "unknown column": ("a.csv", "ann,bob,cid,eve\n1,0,1,0\n1,0,1,0\n", ["line 1", "'eve'"]),
    "missing column": ("a.csv", "ann,bob,cid\n1,0,1\n1,0,1\n", ["no column", "'dan'"]),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_contributor_of_a_list_that_is_wrong_is_told(tmp_path: Path, mistake: str) -> None:
    """Who the contributors are is known when the data has been read."""
    name, text, said = WRONG[mistake]
    distribution = listed(tmp_path, name, text)
    with pytest.raises(UserError) as told:
        coalitions.table(distribution, 4, 0, range(2), NAMES)
    for part in [str(tmp_path / name), *said]:
        assert part in str(told.value)


#: What three ways of writing a list say of contributors, first of all by name.
NUMERALS = {
    "as in the folder": (["1", "2", "3", "4"], [1, 3], [[1, 0, 1, 0]]),
    "backwards": (["3", "2", "1", "0"], [3], [[1, 0, 0, 0]]),
    "far apart": (["1880", "7", "42", "0"], [7, 42], [[0, 1, 1, 0]]),
    "positions": (["ann", "bob", "cid", "dan"], [1, 3], [[0, 1, 0, 1]]),
    "among texts": (["ann", "2", "1", "dan"], [2, 1], [[0, 1, 1, 0]]),
}


@pytest.mark.parametrize("case", NUMERALS)
def test_number_means_the_same_in_every_form_of_a_list(tmp_path: Path, case: str) -> None:
    names, kept, expected = NUMERALS[case]
    whole = names if all(str(k) in names for k in kept) else [str(n) for n in range(4)]
    marks = ",".join(str(int(name in map(str, kept))) for name in whole)
    forms = {
        "bare.jsonl": json.dumps(kept),
        "quoted.jsonl": json.dumps([str(k) for k in kept]),
        "fractions.jsonl": json.dumps([float(k) for k in kept]),
        "table.csv": f"{','.join(whole)}\r\n{marks}\r\n",
        "semicolons.csv": f"{';'.join(whole)}\n{marks.replace(',', ';')}\n",
    }
    for name, text in forms.items():
        table = coalitions.table(listed(tmp_path, name, text), 4, 0, range(1), names)
        np.testing.assert_array_equal(np.stack(list(table["mask"])), expected, name)


ODD = {
    # the file, in which ann and cid are kept, then bob
    "a mark in front": ("a.csv", b"\xef\xbb\xbfann,bob,cid,dan\n1,0,1,0\n0,1,0,0\n"),
    "UTF-16": ("a.csv", "ann\tbob\tcid\tdan\n1\t0\t1\t0\n0\t1\t0\t0\n".encode("utf-16")),
    "semicolons": ("a.csv", b"ann;bob;cid;dan\r\n1;0;1;0\r\n0;1;0;0\r\n"),
    "empty columns": ("a.csv", b"ann,bob,cid,dan,,\n1,0,1,0,,\n0,1,0,0,,\n,,,,,\n"),
    "fractions": ("a.csv", b"ann,bob,cid,dan\n1.0,0.0,1.0,0.0\n0,1.0,0,0\n"),
    "words": ("a.csv", b"ann,bob,cid,dan\nTRUE,FALSE,TRUE,FALSE\nfalse,true,false,false\n"),
    "blanks": ("a.CSV", " ann ,bob\u00a0,\u200bcid,dan\n 1,0 ,1,0\n0,1,0,0\n".encode()),
    "positions": ("a.csv", b"3,2,1,0\n0,1,0,1\n0,0,1,0\n"),
    "positions as fractions": ("a.csv", b"0.0,1.0,2.0,3.0\n1,0,1,0\n0,1,0,0\n"),
    "JSON of Windows": ("a.jsonl", b'\xef\xbb\xbf["ann", "cid"]\r\n\r\n["bob"]\r\n'),
    "JSON in UTF-16": ("a.jsonl", '["ann", "cid"]\n["bob"]\n'.encode("utf-16")),
    "JSON with blanks": ("a.jsonl", '[" ann", "cid\u00a0"]\n["bob\u200b"]\n'.encode()),
    "JSON with fractions": ("a.jsonl", b"[0.0, 2.0]\n[1.0]\n"),
    "JSON with names and positions": ("a.JSONL", b'["ann", 2]\n[1]\n'),
    "JSON with escapes": ("a.jsonl", b'["\\u0061nn", "cid"]\n["bob"]'),
}


@pytest.mark.parametrize("case", ODD)
def test_list_of_coalitions_as_it_is_left(tmp_path: Path, case: str) -> None:
    name, content = ODD[case]
    (tmp_path / name).write_bytes(content)
    distribution = Listed(distribution="file", path=str(tmp_path / name))
    table = coalitions.table(distribution, 4, 0, range(2), NAMES)
    np.testing.assert_array_equal(np.stack(list(table["mask"])), [[1, 0, 1, 0], [0, 1, 0, 0]])


MISREAD = {
    "names and positions": ("a.jsonl", "[1, 2]\n[0]\n", "0 is no name of a contributor, but 1 is"),
    "zeros that are too many": ("a.csv", "01,2,3,x\n1,0,1,0\n", "did you mean '1'"),
    "an index": ("a.csv", ",1,2,3,x\n0,1,0,1,0\n1,1,1,1,1\n", "column 1 has values but no name"),
    "zeros in front of a number": ("a.jsonl", "[0012]\n", "numbers that begin with 0"),
    "a whole list": ("a.jsonl", '[["1"], ["2"]]\n', "must be the name or the number"),
    "single quotes": ("a.jsonl", "['1']\n", "is no JSON"),
    "another case": ("a.jsonl", '["X"]\n', "did you mean 'x'?"),
    "half a number": ("a.jsonl", "[1.5]\n", "1.5 must be"),
    "the same twice": ("a.jsonl", '["1", 1]\n', "listed twice"),
    "the same twice but for a blank": ("a.jsonl", '["1", "1 "]\n', "listed twice"),
    "columns that are the same": ("a.csv", "1,1 ,2,3\n1,0,1,0\n", "more than once"),
}


@pytest.mark.parametrize("case", MISREAD)
def test_list_that_could_be_misread_is_refused(tmp_path: Path, case: str) -> None:
    name, text, said = MISREAD[case]
    with pytest.raises(UserError) as told:
        coalitions.table(listed(tmp_path, name, text), 4, 0, range(1), ["1", "2", "3", "x"])
    assert said in str(told.value)
    assert str(tmp_path / name) in str(told.value)


def test_coalitions_are_told_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    distribution = listed(tmp_path, "a.jsonl", '["ann", "dan"]\n[]\n')
    with caplog.at_level("DEBUG"):
        coalitions.tell(coalitions.table(distribution, 4, 0, range(2), NAMES), NAMES)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "coalition 0 keeps ann, dan; removes bob, cid",
        "coalition 1 keeps nobody; removes ann, bob, cid, dan",
    ]


def test_alpha_that_keeps_nobody_is_told() -> None:
    distribution = Datamodel(distribution="datamodel", count=4, alpha=0.2)
    with pytest.raises(UserError, match=r"alpha = 0\.2: keeps none of 4"):
        coalitions.table(distribution, 4, 0, range(2))


@pytest.mark.parametrize("contributors", [2, 3, 7, 12, 97, 1000, 30_000])
def test_alpha_that_the_hint_names_keeps_somebody(contributors: int) -> None:
    distribution = Datamodel(distribution="datamodel", count=1, alpha=0.5 / contributors)
    with pytest.raises(UserError) as told:
        coalitions.table(distribution, contributors, 0, range(2))
    hinted = float(str(told.value).split(">=")[1])
    assert coalitions.datamodel_size(contributors, hinted) == 1


def test_one_contributor_has_no_shapley_coalitions() -> None:
    with pytest.raises(UserError, match="2 contributors"):
        coalitions.table(SHAPLEY, 1, 0, range(2))
