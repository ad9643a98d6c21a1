"""The linear datamodeling score by hand, against SciPy, and its bootstrap."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr

from diffcredit.evaluation.lds import (
    Truth,
    linear_predictions,
    resampled_spearman,
    retrained_predictions,
    score,
    spearman,
)

SETTINGS = {"resamples": 400, "confidence": 0.95, "seed": 0}


@pytest.mark.parametrize("levels", [3, 6, 1000])
def test_spearman_is_scipys_with_and_without_ties(levels: int) -> None:
    rng = np.random.default_rng(levels)
    left, right = rng.integers(0, levels, (2, 4, 15, 3)).astype(float)
    found = spearman(left, right)
    assert found.shape == (4, 3)
    for i in range(4):
        for q in range(3):
            expected = spearmanr(left[i, :, q], right[i, :, q]).statistic
            assert found[i, q] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("levels", [2, 6, 1000])
def test_resampled_ranks_are_those_of_the_repeated_rows(
    levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ties, resamples of one row alone, and queries in several parts."""
    monkeypatch.setattr("diffcredit.evaluation.lds.RANKS_AT_ONCE", 800)
    rng = np.random.default_rng(levels)
    left, right = rng.integers(0, levels, (2, 9, 7)).astype(float)
    drawn = rng.integers(0, 9, (40, 9))
    drawn[0] = 3
    counts = np.stack([np.bincount(draw, minlength=9) for draw in drawn])
    found = resampled_spearman(left, right, counts)
    expected = spearman(left[drawn], right[drawn])
    np.testing.assert_allclose(found, expected, atol=1e-12, equal_nan=True)
    assert np.isnan(found[0]).all()


def test_constant_side_has_no_correlation() -> None:
    assert np.isnan(spearman(np.ones((5, 1)), np.arange(5.0)[:, None])).all()


def test_score_by_hand() -> None:
    """Predicted 1, 2, 3, 5. Ranks of the first truth are 1, 3, 2, 4: 1 - 6 * 2 / (4 * 15) = 0.8.

    The second truth is the reverse: -1. Their mean is -0.1 and their sd 1.8 / sqrt 2.
    """
    masks = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=bool)
    values = np.array([[10, 30, 20, 40], [40, 30, 20, 10]], dtype=float)[..., None]
    truth = Truth(masks, values)
    predictions = linear_predictions(np.array([[1.0], [2], [4]]), truth)
    np.testing.assert_array_equal(predictions[0, :, 0], [1, 2, 3, 5])
    found = score(predictions, truth.values, **SETTINGS)
    assert found.lds == pytest.approx(-0.1)
    assert found.seed_sd == pytest.approx(1.8 / np.sqrt(2))


def test_score_is_the_mean_over_queries() -> None:
    """One query is predicted perfectly, the other the wrong way round."""
    truth = np.stack([np.arange(6.0), -np.arange(6.0)], axis=1)[None]
    predictions = np.stack([np.arange(6.0), np.arange(6.0)], axis=1)[None]
    found = score(predictions, truth, **SETTINGS)
    assert (found.lds, found.low, found.high) == pytest.approx((0, 0, 0))
    assert np.isnan(found.seed_sd)


def many_queries(queries: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(2, 20, queries))
    return truth + rng.normal(size=truth.shape), truth


def test_queries_that_are_predicted_alike_have_no_interval_of_their_own() -> None:
    predicted, truth = noisy(12, 1)
    alike = score(predicted.repeat(5, axis=2), truth.repeat(5, axis=2), **SETTINGS)
    one = score(predicted, truth, **SETTINGS)
    assert (alike.query_low, alike.query_high) == pytest.approx((alike.lds, alike.lds))
    assert np.isnan([one.query_low, one.query_high]).all()
    # Over coalitions it is as uncertain with many such queries as with one.
    assert (alike.low, alike.high) == pytest.approx((one.low, one.high))


def test_queries_that_do_not_vary_are_not_drawn() -> None:
    predicted, truth = many_queries(6, 2)
    constant = truth.copy()
    constant[:, :, 4:] = 1.0
    found = score(predicted, constant, **SETTINGS)
    expected = score(predicted[..., :4], truth[..., :4], **SETTINGS)
    assert found == expected


def test_additive_truth_is_predicted_perfectly_by_its_own_values() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((20, 8)) < 0.5
    worth = rng.normal(size=(8, 3))
    truth = Truth(masks, np.tile(100 + masks @ worth, (2, 1, 1)))
    found = score(linear_predictions(worth, truth), truth.values, **SETTINGS)
    assert (found.lds, found.low, found.high) == pytest.approx((1, 1, 1))
    wrong = score(linear_predictions(-worth, truth), truth.values, **SETTINGS)
    assert wrong.lds == pytest.approx(-1)


def noisy(coalitions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(2, coalitions, 1))
    return truth + rng.normal(size=(2, coalitions, 1)), truth


@pytest.mark.parametrize(
    ("draw", "bounds", "sizes"),
    [
        (noisy, ("low", "high"), (12, 48, 192)),
        (many_queries, ("query_low", "query_high"), (8, 32, 128)),
    ],
)
def test_interval_holds_the_score_and_narrows_with_more_coalitions_or_queries(
    draw: Callable[[int, int], tuple[np.ndarray, np.ndarray]],
    bounds: tuple[str, str],
    sizes: tuple[int, ...],
) -> None:
    widths = []
    for size in sizes:
        found = score(*draw(size, 1), **SETTINGS)
        low, high = (getattr(found, bound) for bound in bounds)
        assert -1 <= low < found.lds < high <= 1
        widths.append(high - low)
    # As one over the root of the number: a fourth part needs sixteen times as many.
    assert 2 < widths[0] / widths[2] < 8
    assert widths[0] > widths[1] > widths[2]


def test_wider_confidence_gives_a_wider_interval() -> None:
    narrow = score(*noisy(20, 2), resamples=400, confidence=0.5, seed=0)
    wide = score(*noisy(20, 2), resamples=400, confidence=0.95, seed=0)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.lds == narrow.lds


def test_interval_covers_the_correlation_of_the_population() -> None:
    """Spearman's correlation of two normals of correlation r is 6 / pi asin(r / 2)."""
    r = np.sqrt(0.5)
    population = 6 / np.pi * np.arcsin(r / 2)
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=(1, 24, 1))
        predicted = truth + rng.normal(size=(1, 24, 1))
        found = score(predicted, truth, resamples=200, confidence=0.95, seed=seed)
        inside.append(found.low <= population <= found.high)
    assert 0.88 <= np.mean(inside) <= 0.99


def test_bootstrap_repeats_with_its_seed() -> None:
    assert score(*noisy(12, 3), **SETTINGS) == score(*noisy(12, 3), **SETTINGS)
    other = score(*noisy(12, 3), resamples=400, confidence=0.95, seed=1)
    assert other.low != score(*noisy(12, 3), **SETTINGS).low


def test_ceiling_of_two_trainings_predicts_each_by_the_other() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 2))
    predicted = retrained_predictions(Truth(np.ones((5, 3), dtype=bool), values))
    np.testing.assert_allclose(predicted, values[::-1])


def test_ceiling_of_three_trainings_predicts_each_by_the_mean_of_the_others() -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 2))
    predicted = retrained_predictions(Truth(np.ones((5, 3), dtype=bool), values))
    np.testing.assert_allclose(predicted[1], (values[0] + values[2]) / 2)
    np.testing.assert_allclose(predicted[2], (values[0] + values[1]) / 2)
