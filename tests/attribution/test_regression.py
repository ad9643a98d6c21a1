"""The closed forms of the regression against explicit loops of refits."""

import dataclasses

import numpy as np
import pytest

from diffcredit.attribution import regression
from diffcredit.attribution.regression import RidgeFit

ROWS, COLUMNS, TARGETS = 26, 4, 4


@pytest.fixture
def problem() -> dict[str, np.ndarray]:
    """Four penalized columns and a free one."""
    rng = np.random.default_rng(0)
    design = rng.normal(size=(ROWS, COLUMNS)) * [2, 0.5, 1, 3]
    unpenalized = rng.normal(1, 1, size=(ROWS, 1))
    noise = rng.normal(size=(ROWS, TARGETS)) * [0.01, 0.5, 3, 30]
    return {
        "design": design,
        "targets": design @ rng.normal(size=(COLUMNS, TARGETS)) + 5 * unpenalized + noise,
        "weights": rng.uniform(0.2, 3, ROWS),
        # Clusters of one, two and three rows, scattered.
        "clusters": rng.permutation(np.r_[np.repeat(np.arange(10), 2), [10, 11, 12, 13, 13, 13]]),
        "unpenalized": unpenalized,
    }


def refit(
    problem: dict[str, np.ndarray], target: int, strength: float, keep: np.ndarray
) -> np.ndarray:
    """Weighted ridge of one target on some rows; the last coefficient is the free one.

    By least squares on a design that is extended by a row for each penalized coefficient.
    """
    columns = np.column_stack([problem["design"], problem["unpenalized"]])
    root = np.sqrt(problem["weights"][keep])[:, None]
    penalized = np.r_[np.ones(problem["design"].shape[1]), np.zeros(columns.shape[1] - COLUMNS)]
    extended = np.vstack([columns[keep] * root, np.diag(np.sqrt(strength * penalized))])
    wanted = np.r_[problem["targets"][keep, target] * root[:, 0], np.zeros(len(penalized))]
    return np.linalg.lstsq(extended, wanted, rcond=None)[0]


def predicted(problem: dict[str, np.ndarray], rows: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    return np.column_stack([problem["design"], problem["unpenalized"]])[rows] @ fitted


def everything() -> np.ndarray:
    return np.ones(ROWS, dtype=bool)


def fit_of(problem: dict[str, np.ndarray], method: str) -> RidgeFit:
    return getattr(regression, method)(**problem)


def alone(design: np.ndarray, targets: np.ndarray, clusters: np.ndarray | None = None) -> RidgeFit:
    """Least squares of rows that count alike, without free columns."""
    rows = len(design)
    return regression.least_squares(
        design,
        targets,
        np.ones(rows),
        np.arange(rows) if clusters is None else clusters,
        np.empty((rows, 0)),
    )


@pytest.mark.parametrize("method", ["least_squares", "ridge"])
def test_coefficients_and_left_out_residuals_are_those_of_refits(
    problem: dict[str, np.ndarray], method: str
) -> None:
    fit = fit_of(problem, method)
    for target in range(TARGETS):
        strength = fit.strengths[target]
        coefficients = refit(problem, target, strength, everything())[:COLUMNS]
        np.testing.assert_allclose(fit.coefficients[:, target], coefficients, atol=1e-9)
        for cluster in np.unique(problem["clusters"]):
            out = problem["clusters"] == cluster
            without = refit(problem, target, strength, ~out)
            residuals = problem["targets"][out, target] - predicted(problem, out, without)
            expected = residuals * np.sqrt(problem["weights"][out])
            np.testing.assert_allclose(fit.left_out[out, target], expected, atol=1e-8)


def test_ridge_strength_has_the_least_error_on_clusters_left_out(
    problem: dict[str, np.ndarray],
) -> None:
    fit = fit_of(problem, "ridge")
    weights = problem["weights"]
    free = problem["unpenalized"] * np.sqrt(weights)[:, None]
    rows = problem["design"] * np.sqrt(weights)[:, None]
    varying = rows - free @ np.linalg.lstsq(free, rows, rcond=None)[0]
    scale = (varying**2).sum() / COLUMNS
    for target in range(TARGETS):
        errors = []
        for strength in regression.GRID * scale:
            error = 0.0
            for cluster in np.unique(problem["clusters"]):
                out = problem["clusters"] == cluster
                fitted = refit(problem, target, strength, ~out)
                residuals = problem["targets"][out, target] - predicted(problem, out, fitted)
                error += weights[out] @ residuals**2
            errors.append(error)
        assert fit.strengths[target] == pytest.approx(regression.GRID[np.argmin(errors)] * scale)
    assert len(set(fit.strengths)) > 1  # each target has a strength of its own


def test_more_noise_is_answered_by_more_shrinkage(problem: dict[str, np.ndarray]) -> None:
    fit = fit_of(problem, "ridge")
    assert fit.strengths[-1] > 100 * fit.strengths[0]


def test_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    values = np.random.default_rng(1).normal(size=(30, 3))
    expected = values.var(axis=0, ddof=1) / 30
    found = regression.jackknife(alone(np.ones((30, 1)), values))
    np.testing.assert_allclose(found[0], expected)


def test_jackknife_of_a_mean_of_clusters_counts_clusters() -> None:
    """Rows that repeat each other are one observation."""
    values = np.repeat(np.random.default_rng(2).normal(size=(15, 1)), 2, axis=0)
    fit = alone(np.ones((30, 1)), values, np.repeat(np.arange(15), 2))
    expected = values[::2].var(axis=0, ddof=1) / 15
    np.testing.assert_allclose(regression.jackknife(fit)[0], expected)


@pytest.mark.parametrize("method", ["least_squares", "ridge"])
def test_jackknife_is_the_formula_over_refits(problem: dict[str, np.ndarray], method: str) -> None:
    """Also for clusters of several sizes."""
    fit = fit_of(problem, method)
    refits = np.stack(
        [
            [
                refit(problem, t, fit.strengths[t], problem["clusters"] != cluster)[:COLUMNS]
                for t in range(TARGETS)
            ]
            for cluster in np.unique(problem["clusters"])
        ]
    )
    count = len(refits)
    expected = (count - 1) / count * ((refits - refits.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(regression.jackknife(fit), expected.T, rtol=1e-6)


def test_cluster_that_alone_determines_a_coefficient_counts_as_one_noise() -> None:
    """Its own residual is 0 and tells nothing; that of the others does."""
    fit = alone(np.eye(4)[[0, 0, 1, 1, 2, 2, 3]], np.arange(7.0)[:, None])
    np.testing.assert_allclose(fit.coefficients[:, 0], [0.5, 2.5, 4.5, 6])
    noise = np.sqrt(6 * 0.5**2 / 3)
    np.testing.assert_allclose(np.abs(fit.left_out[6]), noise, atol=1e-9)
    assert np.isfinite(regression.jackknife(fit)).all()


def test_no_standard_errors_where_no_residual_is_left() -> None:
    assert np.isnan(regression.jackknife(alone(np.eye(3), np.ones((3, 1))))).all()


def test_least_squares_is_the_shortest_solution_where_it_is_not_unique() -> None:
    design = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    fit = alone(design, np.array([[2.0], [5.0]]))
    np.testing.assert_allclose(fit.coefficients[:, 0], [1, 1, 5])


def test_more_coefficients_than_rows(problem: dict[str, np.ndarray]) -> None:
    """As where every image is a contributor: the same as by the normal equations."""
    rng = np.random.default_rng(4)
    wide = {**problem, "design": rng.normal(size=(ROWS, 300))}
    fit = regression.ridge(**wide)
    free = wide["unpenalized"] * np.sqrt(wide["weights"])[:, None]
    rows, targets = (
        wide[name] * np.sqrt(wide["weights"])[:, None] for name in ("design", "targets")
    )
    rows, targets = (x - free @ np.linalg.lstsq(free, x, rcond=None)[0] for x in (rows, targets))
    for target in range(TARGETS):
        gram = rows.T @ rows + fit.strengths[target] * np.eye(300)
        expected = np.linalg.solve(gram, rows.T @ targets[:, target])
        np.testing.assert_allclose(fit.coefficients[:, target], expected, atol=1e-9)


def test_shrinkage_is_what_the_penalty_takes_from_coefficients_of_its_own_size(
    problem: dict[str, np.ndarray],
) -> None:
    """Mean of (b - what a noiseless fit finds)^2 over random b."""
    fit = fit_of(problem, "ridge")
    found = regression.shrinkage(fit, np.empty((COLUMNS, 0)))
    rng = np.random.default_rng(6)
    target = 2
    truth = rng.normal(size=(COLUMNS, 40_000))
    eigenvalues = fit.sizes**2
    effective = (eigenvalues / (eigenvalues + fit.strengths[target])).sum()
    truth *= np.sqrt((fit.coefficients[:, target] ** 2).sum() / effective)
    fitted = refit_all(problem, problem["design"] @ truth, fit.strengths[target])
    np.testing.assert_allclose(((fitted - truth) ** 2).mean(axis=1), found[:, target], rtol=0.05)


def refit_all(problem: dict[str, np.ndarray], targets: np.ndarray, strength: float) -> np.ndarray:
    free = problem["unpenalized"] * np.sqrt(problem["weights"])[:, None]
    rows, wanted = (x * np.sqrt(problem["weights"])[:, None] for x in (problem["design"], targets))
    rows, wanted = (x - free @ np.linalg.lstsq(free, x, rcond=None)[0] for x in (rows, wanted))
    return np.linalg.solve(rows.T @ rows + strength * np.eye(COLUMNS), rows.T @ wanted)


def test_shrinkage_of_a_direction_that_is_never_seen_is_all_of_it() -> None:
    """Unless it is known; least squares cannot tell what it is."""
    rng = np.random.default_rng(0)
    design = rng.normal(size=(20, 2))
    design -= design.mean(axis=1, keepdims=True)  # Along (1, 1) nothing varies.
    targets = design @ rng.normal(size=(2, 1)) + rng.normal(0, 0.5, (20, 1))
    rows = (np.ones(20), np.arange(20), np.empty((20, 0)))
    nothing, total = np.empty((2, 0)), np.full((2, 1), 0.5**0.5)
    ridge = regression.ridge(design, targets, *rows)
    unseen = regression.shrinkage(ridge, nothing) - regression.shrinkage(ridge, total)
    effective = ridge.sizes**2 / (ridge.sizes**2 + ridge.strengths)
    expected = 0.5 * (ridge.coefficients**2).sum(axis=0) / effective
    np.testing.assert_allclose(unseen, np.tile(expected, (2, 1)))
    plain = regression.least_squares(design, targets, *rows)
    assert np.isnan(regression.shrinkage(plain, nothing)).all()
    np.testing.assert_array_equal(regression.shrinkage(plain, total), np.zeros((2, 1)))


def test_without_unpenalized_columns_the_strengths_stay(problem: dict[str, np.ndarray]) -> None:
    fit = fit_of(problem, "ridge")
    whole = regression.without_unpenalized(fit, problem["design"], problem["targets"])
    plain = {**problem, "unpenalized": np.empty((ROWS, 0))}
    for target in range(TARGETS):
        expected = refit(plain, target, fit.strengths[target], everything())
        np.testing.assert_allclose(whole.coefficients[:, target], expected, atol=1e-9)
    np.testing.assert_array_equal(whole.left_out, fit.left_out)


def test_unpenalized_columns_may_repeat_each_other(problem: dict[str, np.ndarray]) -> None:
    """As where all coalitions have one size: it goes with the intercept."""
    again = {**problem, "unpenalized": problem["unpenalized"] @ [[1.0, -2.0]]}
    fit, expected = fit_of(again, "ridge"), fit_of(problem, "ridge")
    np.testing.assert_allclose(fit.coefficients, expected.coefficients, atol=1e-9)
    np.testing.assert_allclose(fit.left_out, expected.left_out, atol=1e-9)


def test_derivative_is_the_change_of_the_coefficients(problem: dict[str, np.ndarray]) -> None:
    direction = np.random.default_rng(3).normal(size=ROWS)
    fit = fit_of(problem, "ridge")
    moved = {**problem, "targets": problem["targets"] + direction[:, None]}
    change = np.stack(
        [
            refit(moved, t, fit.strengths[t], everything())
            - refit(problem, t, fit.strengths[t], everything())
            for t in range(TARGETS)
        ],
        axis=1,
    )[:COLUMNS]
    np.testing.assert_allclose(regression.derivative(fit, direction), change, atol=1e-9)


def test_many_targets_at_once_equal_one_at_a_time(problem: dict[str, np.ndarray]) -> None:
    together = fit_of(problem, "ridge")
    for target in range(TARGETS):
        part = slice(target, target + 1)
        single = fit_of({**problem, "targets": problem["targets"][:, part]}, "ridge")
        assert together.strengths[target] == single.strengths[0]
        for field in ("coefficients", "left_out"):
            np.testing.assert_allclose(
                getattr(together, field)[:, part], getattr(single, field), atol=1e-12
            )


def test_order_of_rows_does_not_matter(problem: dict[str, np.ndarray]) -> None:
    order = np.random.default_rng(5).permutation(ROWS)
    fit = fit_of(problem, "ridge")
    again = fit_of({name: array[order] for name, array in problem.items()}, "ridge")
    np.testing.assert_allclose(again.coefficients, fit.coefficients, atol=1e-10)
    np.testing.assert_allclose(regression.jackknife(again), regression.jackknife(fit), rtol=1e-8)


def test_fit_is_as_small_as_rows_and_coefficients(problem: dict[str, np.ndarray]) -> None:
    """Memory: nothing that is kept has a row for each cluster, or a matrix for each strength."""
    fit = fit_of(problem, "ridge")
    sizes = [getattr(fit, field.name).size for field in dataclasses.fields(fit)]
    assert max(sizes) <= ROWS * max(TARGETS, COLUMNS)
