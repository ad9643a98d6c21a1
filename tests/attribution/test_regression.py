"""The closed forms of the regression against explicit loops of refits."""

import numpy as np
import pytest

from diffcredit.attribution import regression

ROWS, COLUMNS, TARGETS = 26, 5, 4


@pytest.fixture
def problem() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    design = rng.normal(size=(ROWS, COLUMNS)) * [1, 2, 0.5, 1, 3]
    noise = rng.normal(size=(ROWS, TARGETS)) * [0.01, 0.5, 3, 30]
    return {
        "design": design,
        "targets": design @ rng.normal(size=(COLUMNS, TARGETS)) + noise,
        "weights": rng.uniform(0.2, 3, ROWS),
        # Clusters of one, two and three rows, scattered.
        "clusters": rng.permutation(np.r_[np.repeat(np.arange(10), 2), [10, 11, 12, 13, 13, 13]]),
    }


PENALIZED = np.array([0.0, 1, 1, 1, 1])


def refit(
    problem: dict[str, np.ndarray], target: int, strength: float, keep: np.ndarray
) -> np.ndarray:
    """Weighted ridge of one target on some rows, by least squares on an extended design."""
    root = np.sqrt(problem["weights"][keep])[:, None]
    extended = np.vstack([problem["design"][keep] * root, np.diag(np.sqrt(strength * PENALIZED))])
    wanted = np.r_[problem["targets"][keep, target] * root[:, 0], np.zeros(COLUMNS)]
    return np.linalg.lstsq(extended, wanted, rcond=None)[0]


def everything() -> np.ndarray:
    return np.ones(ROWS, dtype=bool)


@pytest.mark.parametrize("method", ["least squares", "ridge"])
def test_coefficients_and_influences_are_those_of_refits(
    problem: dict[str, np.ndarray], method: str
) -> None:
    fit = (
        regression.least_squares(**problem)
        if method == "least squares"
        else regression.ridge(**problem, penalized=PENALIZED)
    )
    for target in range(TARGETS):
        strength = fit.strengths[target]
        coefficients = refit(problem, target, strength, everything())
        np.testing.assert_allclose(fit.coefficients[:, target], coefficients, atol=1e-9)
        for number, cluster in enumerate(np.unique(problem["clusters"])):
            out = problem["clusters"] == cluster
            without = refit(problem, target, strength, ~out)
            influence = fit.influences[number, :, target]
            np.testing.assert_allclose(influence, coefficients - without, atol=1e-9)


def test_left_out_residuals_are_those_of_refits(problem: dict[str, np.ndarray]) -> None:
    fit = regression.least_squares(**problem)
    for number, cluster in enumerate(np.unique(problem["clusters"])):
        out = problem["clusters"] == cluster
        left_out = regression._left_out(
            problem["design"], fit.operators[0], problem["targets"], problem["clusters"]
        )
        for target in range(TARGETS):
            predicted = problem["design"][out] @ refit(problem, target, 0.0, ~out)
            expected = problem["targets"][out, target] - predicted
            np.testing.assert_allclose(left_out[out, target], expected, atol=1e-8)
        assert np.isfinite(fit.influences[number]).all()


def test_ridge_strength_has_the_least_error_on_clusters_left_out(
    problem: dict[str, np.ndarray],
) -> None:
    fit = regression.ridge(**problem, penalized=PENALIZED)
    design, weights = problem["design"], problem["weights"]
    scale = np.einsum("m,mp->", weights, design**2) / COLUMNS
    for target in range(TARGETS):
        errors = []
        for strength in regression.GRID * scale:
            error = 0.0
            for cluster in np.unique(problem["clusters"]):
                out = problem["clusters"] == cluster
                predicted = design[out] @ refit(problem, target, strength, ~out)
                error += weights[out] @ (problem["targets"][out, target] - predicted) ** 2
            errors.append(error)
        assert fit.strengths[target] == pytest.approx(regression.GRID[np.argmin(errors)] * scale)
    assert len(set(fit.strengths)) > 1  # each target has a strength of its own


def test_more_noise_is_answered_by_more_shrinkage(problem: dict[str, np.ndarray]) -> None:
    fit = regression.ridge(**problem, penalized=PENALIZED)
    assert fit.strengths[-1] > 100 * fit.strengths[0]


def test_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    values = np.random.default_rng(1).normal(size=(30, 3))
    ones = np.ones((30, 1))
    fit = regression.least_squares(ones, values, np.ones(30), np.arange(30))
    expected = values.var(axis=0, ddof=1) / 30
    np.testing.assert_allclose(regression.jackknife(fit, np.eye(1))[0], expected)


def test_jackknife_of_a_mean_of_clusters_counts_clusters() -> None:
    """Rows that repeat each other are one observation."""
    values = np.repeat(np.random.default_rng(2).normal(size=(15, 1)), 2, axis=0)
    clusters = np.repeat(np.arange(15), 2)
    fit = regression.least_squares(np.ones((30, 1)), values, np.ones(30), clusters)
    expected = values[::2].var(axis=0, ddof=1) / 15
    np.testing.assert_allclose(regression.jackknife(fit, np.eye(1))[0], expected)


def test_jackknife_is_the_formula_over_refits(problem: dict[str, np.ndarray]) -> None:
    fit = regression.ridge(**problem, penalized=PENALIZED)
    transform = np.array([[1.0, -1, 0, 0, 2], [0, 0, 1, 0, 0]])
    refits = np.stack(
        [
            [
                transform @ refit(problem, t, fit.strengths[t], problem["clusters"] != cluster)
                for t in range(TARGETS)
            ]
            for cluster in np.unique(problem["clusters"])
        ]
    )
    count = len(refits)
    expected = (count - 1) / count * ((refits - refits.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(regression.jackknife(fit, transform), expected.T, rtol=1e-7)


def test_cluster_that_alone_determines_a_coefficient_counts_as_one_noise() -> None:
    """Its own residual is 0 and tells nothing; that of the others does."""
    design = np.eye(4)[[0, 0, 1, 1, 2, 2, 3]]
    targets = np.arange(7.0)[:, None]
    fit = regression.least_squares(design, targets, np.ones(7), np.arange(7))
    np.testing.assert_allclose(fit.coefficients[:, 0], [0.5, 2.5, 4.5, 6])
    noise = np.sqrt(6 * 0.5**2 / 3)
    np.testing.assert_allclose(np.abs(fit.influences[6][:, 0]), [0, 0, 0, noise], atol=1e-9)
    assert np.isfinite(regression.jackknife(fit, np.eye(4))).all()


def test_no_standard_errors_where_no_residual_is_left() -> None:
    fit = regression.least_squares(np.eye(3), np.ones((3, 1)), np.ones(3), np.arange(3))
    assert np.isnan(regression.jackknife(fit, np.eye(3))).all()


def test_least_squares_is_the_shortest_solution_where_it_is_not_unique() -> None:
    design = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    fit = regression.least_squares(design, np.array([[2.0], [5.0]]), np.ones(2), np.arange(2))
    np.testing.assert_allclose(fit.coefficients[:, 0], [1, 1, 5])


def test_derivative_is_the_change_of_the_coefficients(problem: dict[str, np.ndarray]) -> None:
    direction = np.random.default_rng(3).normal(size=ROWS)
    fit = regression.ridge(**problem, penalized=PENALIZED)
    moved = {**problem, "targets": problem["targets"] + direction[:, None]}
    change = np.stack(
        [
            refit(moved, t, fit.strengths[t], everything())
            - refit(problem, t, fit.strengths[t], everything())
            for t in range(TARGETS)
        ],
        axis=1,
    )
    np.testing.assert_allclose(regression.derivative(fit, direction), change, atol=1e-9)


def test_many_targets_at_once_equal_one_at_a_time(problem: dict[str, np.ndarray]) -> None:
    together = regression.ridge(**problem, penalized=PENALIZED)
    for target in range(TARGETS):
        part = slice(target, target + 1)
        alone = regression.ridge(
            **{**problem, "targets": problem["targets"][:, part]}, penalized=PENALIZED
        )
        assert together.strengths[target] == alone.strengths[0]
        np.testing.assert_allclose(together.coefficients[:, part], alone.coefficients)
        np.testing.assert_allclose(together.influences[..., part], alone.influences, atol=1e-12)
