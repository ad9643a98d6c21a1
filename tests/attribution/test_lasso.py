"""The lasso of many targets at once against scikit-learn's, one target at a time."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from diffcredit.attribution import lasso

ROWS, COLUMNS, TARGETS = 60, 12, 5


def problem(rows: int = ROWS, columns: int = COLUMNS) -> tuple[np.ndarray, np.ndarray]:
    """Masks, and values far from 0 in which a third of the contributors count."""
    rng = np.random.default_rng(0)
    masks = (rng.random((rows, columns)) < rng.uniform(0.1, 0.9, (rows, 1))).astype(float)
    worth = rng.normal(size=(columns, TARGETS)) * (rng.random((columns, TARGETS)) < 1 / 3)
    scale = [0.01, 1, 1, 30, 1000]
    return masks, (300 + masks @ worth + rng.normal(0, 0.4, (rows, TARGETS))) * scale


def objective(
    masks: np.ndarray, values: np.ndarray, coefficients: np.ndarray, penalty: float
) -> float:
    """What the lasso makes least, the intercept being the best one."""
    residuals = values - masks @ coefficients
    residuals = residuals - residuals.mean()
    return float((residuals**2).mean() / 2 + penalty * np.abs(coefficients).sum())


def sklearn_lasso(masks: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    model = Lasso(alpha=penalty, tol=1e-10, max_iter=100_000)
    return model.fit(masks, values).coef_


@pytest.mark.parametrize(("rows", "columns"), [(ROWS, COLUMNS), (20, 50)])
def test_coefficients_are_those_of_scikit_learn(rows: int, columns: int) -> None:
    """Also from fewer coalitions than contributors."""
    masks, values = problem(rows, columns)
    found = lasso.lasso(masks, values, np.arange(rows), seed=0)
    for target in range(TARGETS):
        expected = sklearn_lasso(masks, values[:, target], found.penalties[target])
        scale = values[:, target].std()
        np.testing.assert_allclose(found.coefficients[:, target], expected, atol=1e-4 * scale)
        np.testing.assert_array_equal(
            np.abs(found.coefficients[:, target]) > 1e-5 * scale, np.abs(expected) > 1e-5 * scale
        )


@pytest.mark.parametrize("fraction", [1.0, 0.3, 0.03, 1e-3])
def test_objective_is_least_at_every_penalty(fraction: float) -> None:
    masks, values = problem()
    values = values / np.abs(lasso.reduced(masks, values, np.ones(ROWS)).correlations).max(axis=0)
    found = lasso.reduced(masks, values, np.ones(ROWS))
    penalties = np.full(TARGETS, fraction)
    state = lasso.solve(found, penalties, lasso.nowhere(found), lasso.EXACT)
    for target in range(TARGETS):
        outcome, penalty = values[:, target], penalties[target]
        expected = sklearn_lasso(masks, outcome, penalty)
        assert objective(masks, outcome, state.coefficients[:, target], penalty) == pytest.approx(
            objective(masks, outcome, expected, penalty), rel=1e-6
        )
        if fraction == 1.0:
            np.testing.assert_allclose(state.coefficients[:, target], 0, atol=1e-5)


def test_weights_are_repetitions() -> None:
    masks, values = problem()
    times = np.random.default_rng(1).integers(0, 3, ROWS)
    weighted = lasso.reduced(masks, values, times)
    repeated = lasso.reduced(
        np.repeat(masks, times, axis=0), np.repeat(values, times, axis=0), np.ones(times.sum())
    )
    np.testing.assert_allclose(weighted.correlations, repeated.correlations)
    np.testing.assert_allclose(weighted.eigenvalues, repeated.eigenvalues)


def test_penalty_has_the_least_error_on_folds_of_clusters() -> None:
    """Five folds of pairs, by scikit-learn's lasso on each."""
    masks, values = problem()
    pairs = np.arange(ROWS) // 2
    found = lasso.lasso(masks, values, pairs, seed=0)
    largest = np.abs((masks - masks.mean(axis=0)).T @ (values - values.mean(axis=0))) / ROWS
    folds = pairs % 5
    for target in range(TARGETS):
        penalties = lasso.PATH * largest[:, target].max()
        errors = np.zeros(len(penalties))
        for fold in range(5):
            kept, out = folds != fold, folds == fold
            for place, penalty in enumerate(penalties):
                model = Lasso(alpha=penalty, tol=1e-8, max_iter=100_000)
                model.fit(masks[kept], values[kept, target])
                errors[place] += ((values[out, target] - model.predict(masks[out])) ** 2).sum()
        chosen = np.argmin(np.abs(penalties - found.penalties[target]))
        assert errors[chosen] <= 1.005 * errors.min()


def test_standard_errors_are_those_of_refits_of_resampled_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lasso, "RESAMPLES", 300)
    masks, values = problem()
    pairs = np.arange(ROWS) // 2
    found = lasso.lasso(masks, values, pairs, seed=0)
    rng = np.random.default_rng(7)
    for target in (1, 3):
        refits = []
        for _ in range(200):
            drawn = rng.integers(0, 30, 30)
            rows = np.concatenate([2 * drawn, 2 * drawn + 1])
            refits.append(sklearn_lasso(masks[rows], values[rows, target], found.penalties[target]))
        ratio = found.standard_errors[:, target].mean() / np.std(refits, axis=0).mean()
        assert ratio == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("level", [0.0, 212.3])
def test_target_that_never_varies_has_no_values(level: float) -> None:
    masks, values = problem()
    values[:, 2] = level
    found = lasso.lasso(masks, values, np.arange(ROWS), seed=0)
    np.testing.assert_allclose(found.coefficients[:, 2], 0, atol=1e-9)
    np.testing.assert_allclose(found.standard_errors[:, 2], 0, atol=1e-9)


def test_many_targets_at_once_equal_one_at_a_time() -> None:
    """However many of them share their iterations."""
    masks, values = problem()
    many = np.concatenate([values * factor for factor in np.linspace(1, 2, 60)], axis=1)
    together = lasso.lasso(masks, many, np.arange(ROWS), seed=0)
    for target in (0, 133, 299):
        part = slice(target, target + 1)
        alone = lasso.lasso(masks, many[:, part], np.arange(ROWS), seed=0)
        scale = values[:, target % TARGETS].std()
        assert together.penalties[target] == pytest.approx(alone.penalties[0])
        np.testing.assert_allclose(
            together.coefficients[:, part], alone.coefficients, atol=1e-4 * scale
        )
        np.testing.assert_allclose(
            together.standard_errors[:, part], alone.standard_errors, atol=0.02 * scale
        )
