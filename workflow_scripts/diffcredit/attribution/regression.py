"""Weighted ridge regression of many targets at once, the engine of the removal estimators.

Everything here is closed form: leave-one-cluster-out residuals choose the strength of the penalty
and give the jackknife standard errors (a cluster-robust sandwich that corrects for leverage). One
singular value decomposition serves all strengths and targets, whether there are more coalitions or
more contributors, and no array is larger than rows x targets or coefficients x targets.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np

#: The grid of penalty strengths for ridge, in units of the mean eigenvalue of X^T W X.
GRID = np.logspace(-5, 3, 33)


@dataclass(frozen=True)
class RidgeFit:
    """A fitted regression; rows are multiplied by the square roots of their weights.

    Attributes:
        coefficients: (p, Q).
        strengths: (Q,) chosen penalties.
        left_out: (m, Q) leave-one-cluster-out residual of each row, times the root of its weight;
            NaN where the rows are too few to leave any residual.
        clusters: (m,) rows that are left out together.
        roots: (m,) square roots of the weights.
        left, sizes, right: (m, r), (r,) and (r, p) singular value decomposition of the design after
            the unpenalized columns are projected out.
    """

    coefficients: np.ndarray
    strengths: np.ndarray
    left_out: np.ndarray
    clusters: np.ndarray
    roots: np.ndarray
    left: np.ndarray
    sizes: np.ndarray
    right: np.ndarray


def least_squares(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    unpenalized: np.ndarray,
) -> RidgeFit:
    """Weighted least squares; the minimum-norm solution where it is not unique.

    Args:
        design: (m, p).
        targets: (m, Q).
        weights: (m,), above 0.
        clusters: (m,) rows that are left out together.
        unpenalized: (m, f) further columns, such as the intercept, whose coefficients are not
            penalized and not returned.
    """
    return _fit(design, targets, weights, clusters, unpenalized, np.zeros(1))


def ridge(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    unpenalized: np.ndarray,
) -> RidgeFit:
    """Weighted ridge; each target's strength has the least leave-one-cluster-out error.

    Arguments as in `least_squares`.
    """
    return _fit(design, targets, weights, clusters, unpenalized, GRID)


def _fit(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    unpenalized: np.ndarray,
    grid: np.ndarray,
) -> RidgeFit:
    roots = np.sqrt(weights)
    free = _decomposed(unpenalized * roots[:, None])[0]
    rows = design * roots[:, None]
    left, sizes, right = _decomposed(rows - free @ (free.T @ rows))
    weighted = targets * roots[:, None]
    strengths = grid * ((sizes**2).sum() / design.shape[1])
    groups = _groups(clusters)
    chosen = np.full(targets.shape[1], strengths[0])
    least = np.full(targets.shape[1], np.inf)
    kept = np.full(weighted.shape, np.nan)
    for strength in strengths:
        hat = free @ free.T + (left * (sizes**2 / (sizes**2 + strength))) @ left.T
        freedom = len(hat) - np.trace(hat)
        if freedom < 0.5:  # Without residual degrees of freedom there is no error to compare.
            continue
        residuals = weighted - hat @ weighted
        noise = np.sqrt((residuals**2).sum(axis=0) / freedom)
        left_out = _left_out(hat, residuals, noise, groups)
        errors = (left_out**2).sum(axis=0)
        better = errors < least
        least[better], chosen[better] = errors[better], strength
        kept[:, better] = left_out[:, better]
    coefficients = right.T @ (_filters(sizes, chosen) * (left.T @ weighted))
    return RidgeFit(coefficients, chosen, kept, clusters, roots, left, sizes, right)


def without_unpenalized(fit: RidgeFit, design: np.ndarray, targets: np.ndarray) -> RidgeFit:
    """The fit of the same design and targets, at the same strengths, without unpenalized columns.

    The residuals stay those of ``fit``, with the unpenalized columns.
    """
    left, sizes, right = _decomposed(design * fit.roots[:, None])
    along = left.T @ (targets * fit.roots[:, None])
    coefficients = right.T @ (_filters(sizes, fit.strengths) * along)
    return replace(fit, coefficients=coefficients, left=left, sizes=sizes, right=right)


def _decomposed(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Singular value decomposition without directions of singular value 0."""
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    varies = sizes > sizes.max(initial=0.0) * max(rows.shape) * np.finfo(float).eps
    return left[:, varies], sizes[varies], right[varies]


def _filters(sizes: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """(r, Q) ridge filter factors of the design's directions for each target's strength."""
    return sizes[:, None] / (sizes[:, None] ** 2 + strengths)


def _groups(clusters: np.ndarray) -> list[np.ndarray]:
    """Numbers of the rows of each cluster: one (clusters, size) array for each size."""
    _, numbers, counts = np.unique(clusters, return_inverse=True, return_counts=True)
    order = np.argsort(numbers, kind="stable")
    starts = np.cumsum(counts) - counts
    return [order[starts[counts == size][:, None] + np.arange(size)] for size in np.unique(counts)]


def _left_out(
    hat: np.ndarray, residuals: np.ndarray, noise: np.ndarray, groups: list[np.ndarray]
) -> np.ndarray:
    """(m, Q) leave-one-cluster-out residual of each row.

    With hat matrix H they are (I - H_gg)^-1 e_g for the residuals e_g of cluster g. A direction
    that the other clusters leave undetermined counts as one standard deviation of the noise (Q,).
    """
    left_out = np.empty_like(residuals)
    for rows in groups:
        remainders = np.eye(rows.shape[1]) - hat[rows[:, :, None], rows[:, None, :]]
        sizes, vectors = np.linalg.eigh(remainders)
        known = sizes > 1e-9
        along = vectors.swapaxes(1, 2) @ residuals[rows] / np.where(known, sizes, 1.0)[..., None]
        along[~known] = noise
        left_out[rows] = vectors @ along
    return left_out


def variances(fit: RidgeFit, known: np.ndarray) -> np.ndarray:
    """(p, Q) variances of the coefficients: jackknife over clusters plus shrinkage error."""
    return jackknife(fit) + shrinkage(fit, known)


def jackknife(fit: RidgeFit) -> np.ndarray:
    """(p, Q) variances of the coefficients over the clusters.

    (g - 1) / g times the sum, over g clusters, of the squared deviations of the leave-one-out
    changes from their mean.
    """
    groups = _groups(fit.clusters)
    count = sum(len(rows) for rows in groups)
    variances = np.empty(fit.coefficients.shape)
    for strength in np.unique(fit.strengths):
        columns = fit.strengths == strength
        operator = (fit.right.T * _filters(fit.sizes, np.array([strength]))[:, 0]) @ fit.left.T
        residuals = fit.left_out[:, columns]
        mean = operator @ residuals / count
        squares = _squared_changes(operator, residuals, groups)
        variances[:, columns] = (count - 1) / count * (squares - count * mean**2)
    return np.maximum(variances, 0.0)


def _squared_changes(
    operator: np.ndarray, residuals: np.ndarray, groups: list[np.ndarray]
) -> np.ndarray:
    """(p, Q) sum over clusters g of (operator_g residuals_g)^2, without an array per cluster.

    The square is a sum over pairs of a cluster's rows; each pair is a product of two matrices.
    """
    total = np.zeros((len(operator), residuals.shape[1]))
    for rows in groups:
        for one, other in itertools.product(range(rows.shape[1]), repeat=2):
            products = operator[:, rows[:, one]] * operator[:, rows[:, other]]
            total += products @ (residuals[rows[:, one]] * residuals[rows[:, other]])
    return total


def shrinkage(fit: RidgeFit, known: np.ndarray) -> np.ndarray:
    """(p, Q) mean squared error of the coefficients due to the penalty.

    The expected size of a coefficient is the mean square per effective parameter (MacKay 1992). The
    part that the penalty takes away is the error; in directions without variation of the design
    that is all of it. With this term the intervals of shrunken values have coverage (Nychka 1988).
    NaN where least squares leaves a coefficient undetermined.

    Args:
        fit: of p coefficients.
        known: (p, k) orthonormal directions along which the coefficients are given.
    """
    unseen = 1 - (fit.right**2).sum(axis=0) - (known**2).sum(axis=1)
    unseen = np.where(unseen > 1e-9, unseen, 0.0)[:, None]
    kept = fit.sizes[:, None] * _filters(fit.sizes, fit.strengths)
    effective = np.maximum(kept.sum(axis=0), np.finfo(float).tiny)
    expected = (fit.coefficients**2).sum(axis=0) / effective
    errors = expected * ((fit.right**2).T @ (1 - kept) ** 2 + unseen)
    return np.where(fit.strengths > 0, errors, np.where(unseen > 0, np.nan, 0.0))


def derivative(fit: RidgeFit, direction: np.ndarray) -> np.ndarray:
    """(p, Q) change of the coefficients where every target moves along ``direction`` (m,)."""
    along = fit.left.T @ (direction * fit.roots)
    return fit.right.T @ (_filters(fit.sizes, fit.strengths) * along[:, None])
