"""Weighted ridge regression of many targets at once, the engine of the removal estimators.

Everything here is closed form: leave-one-cluster-out residuals choose the strength of the penalty
and give the jackknife standard errors (a cluster-robust sandwich that corrects for leverage).
"""

from dataclasses import dataclass

import numpy as np

#: Strengths that ridge chooses from, in units of the mean eigenvalue of X^T W X.
GRID = np.logspace(-5, 3, 33)


@dataclass(frozen=True)
class Fit:
    """A fitted regression.

    Attributes:
        coefficients: (p, Q).
        influences: (g, p, Q) coefficients minus those without cluster g; NaN where the
            coalitions are too few to leave any residual.
        sensitivity: one (p, m) matrix d coefficients / d targets for each target, as indices
            into ``operators``: (Q,).
        operators: (k, p, m).
        strengths: (Q,) chosen penalties.
    """

    coefficients: np.ndarray
    influences: np.ndarray
    sensitivity: np.ndarray
    operators: np.ndarray
    strengths: np.ndarray


def least_squares(
    design: np.ndarray, targets: np.ndarray, weights: np.ndarray, clusters: np.ndarray
) -> Fit:
    """Weighted least squares; the shortest solution where it is not unique.

    Args:
        design: (m, p).
        targets: (m, Q).
        weights: (m,), above 0.
        clusters: (m,) rows that are left out together.
    """
    return _fit(design, targets, weights, clusters, np.zeros(design.shape[1]), np.zeros(1))


def ridge(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    penalized: np.ndarray,
) -> Fit:
    """Weighted ridge; each target's strength has the least leave-one-cluster-out error.

    Args:
        design: (m, p).
        targets: (m, Q).
        weights: (m,), above 0.
        clusters: (m,) rows that are left out together.
        penalized: (p,) 1 where a coefficient is drawn to 0, 0 where not (an intercept).
    """
    gram = (design * weights[:, None]).T @ design
    scale = np.trace(gram) / len(gram)
    return _fit(design, targets, weights, clusters, penalized, GRID * scale)


def _fit(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    penalized: np.ndarray,
    grid: np.ndarray,
) -> Fit:
    operators = np.stack([_operator(design, weights, penalized * s) for s in grid])
    left_out = np.stack([_left_out(design, operator, targets, clusters) for operator in operators])
    # A strength at which the fit has no residuals cannot be judged; it is not chosen.
    errors = np.einsum("kmq,m->kq", left_out**2, weights)
    chosen = np.argmin(np.where(np.isnan(errors), np.inf, errors), axis=0)
    coefficients = np.empty((design.shape[1], targets.shape[1]))
    members = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    influences = np.empty((len(members), *coefficients.shape))
    for k in np.unique(chosen):
        columns = chosen == k
        coefficients[:, columns] = operators[k] @ targets[:, columns]
        for g, rows in enumerate(members):
            influences[g][:, columns] = operators[k][:, rows] @ left_out[k][rows][:, columns]
    return Fit(coefficients, influences, chosen, operators, grid[chosen])


def _operator(design: np.ndarray, weights: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """(p, m) matrix that takes targets to coefficients."""
    weighted = (design * weights[:, None]).T
    return np.linalg.pinv(weighted @ design + np.diag(penalty), hermitian=True) @ weighted


def _left_out(
    design: np.ndarray, operator: np.ndarray, targets: np.ndarray, clusters: np.ndarray
) -> np.ndarray:
    """(m, Q) residual of each row in the fit without its cluster.

    With hat matrix H they are (I - H_gg)^-1 e_g for the residuals e_g of cluster g. Where the
    others leave a direction of the cluster undetermined, it counts as one standard deviation of
    the noise; where there are no more rows than coefficients nothing tells that, and all are NaN.
    """
    freedom = len(design) - np.trace(design @ operator)
    if freedom < 0.5:
        return np.full_like(targets, np.nan, dtype=float)
    residuals = targets - design @ (operator @ targets)
    noise = np.sqrt((residuals**2).sum(axis=0) / freedom)
    left_out = np.empty_like(residuals)
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        remainder = np.eye(len(rows)) - design[rows] @ operator[:, rows]
        left, sizes, right = np.linalg.svd(remainder)
        known = sizes > 1e-9
        inverse = (right[known].T / sizes[known]) @ left.T[known]
        left_out[rows] = inverse @ residuals[rows] + right[~known].sum(axis=0)[:, None] * noise
    return left_out


def jackknife(fit: Fit, transform: np.ndarray) -> np.ndarray:
    """(n, Q) variances of ``transform`` @ coefficients, transform (n, p), over the clusters."""
    changes = np.einsum("np,gpq->gnq", transform, fit.influences)
    count = len(changes)
    return (count - 1) / count * ((changes - changes.mean(axis=0)) ** 2).sum(axis=0)


def derivative(fit: Fit, direction: np.ndarray) -> np.ndarray:
    """(p, Q) change of the coefficients where every target moves along ``direction`` (m,)."""
    return np.stack([fit.operators[k] @ direction for k in fit.sensitivity], axis=1)
