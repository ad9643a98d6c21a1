"""The lasso of many targets at once: penalty by cross-validation, errors by bootstrap.

For each target the coefficients b minimize |y - b0 - X b|^2 / (2 m) + penalty |b|_1 (Tibshirani
1996). All targets are solved together by the alternating direction method of multipliers (Boyd et
al. 2011, section 6.4), each step a product of matrices. Penalties are fractions of the smallest
penalty for which all coefficients are 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Fractions of the penalty at which all coefficients are 0, from which each target chooses.
PATH = np.logspace(0, -3, 16)
FOLDS = 5
RESAMPLES = 50

#: Folds are only compared and resamples only averaged, so two digits are enough; the fit is exact.
ROUGH = (1e-2, 50)
EXACT = (1e-6, 5000)

#: The method's step is this x penalty x mean eigenvalue: tens of iterations at every penalty.
_STEP = 5.0
_RELAXATION = 1.8
#: Targets that are solved together: their arrays stay in the cache.
_TOGETHER = 256


@dataclass(frozen=True)
class Problem:
    """Weighted, centered rows in the form that the iterations need.

    Attributes:
        directions: (p, r) eigenvectors of X^T W X along which the design varies.
        eigenvalues: (r,) theirs; the weights add up to 1.
        correlations: (p, Q) X^T W y; the targets in units in which the largest is about 1.
    """

    directions: np.ndarray
    eigenvalues: np.ndarray
    correlations: np.ndarray


@dataclass(frozen=True)
class LassoState:
    """The state of the iterations: coefficients (p, Q) and scaled duals (p, Q)."""

    coefficients: np.ndarray
    duals: np.ndarray

    def of(self, targets: np.ndarray | slice) -> "LassoState":
        """The same for some of the targets."""
        return LassoState(self.coefficients[:, targets], self.duals[:, targets])


@dataclass(frozen=True)
class LassoFit:
    """A fitted lasso.

    Attributes:
        coefficients: (p, Q).
        standard_errors: (p, Q) over resampled clusters, at the penalty of the fit.
        penalties: (Q,).
    """

    coefficients: np.ndarray
    standard_errors: np.ndarray
    penalties: np.ndarray


def lasso(design: np.ndarray, targets: np.ndarray, clusters: np.ndarray, seed: int) -> LassoFit:
    """Lasso with an unpenalized intercept; each target's penalty has the least cross-validated
    error.

    Args:
        design: (m, p).
        targets: (m, Q).
        clusters: (m,) 2 or more distinct numbers; the rows of a cluster are left out and resampled
            together.
        seed: of the bootstrap.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    units = _units(design, targets)
    outcomes = (targets - targets.mean(axis=0)) / units
    single, rough = design.astype(np.float32), outcomes.astype(np.float32)
    fractions = _cross_validated(single, rough, numbers)
    problem = reduced(design, outcomes, np.ones(len(design)))
    state = solve(problem, fractions, nowhere(problem), EXACT)
    spread = _bootstrapped(single, rough, numbers, fractions, state, seed)
    return LassoFit(state.coefficients * units, spread * units, fractions * units)


def _units(design: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(Q,) least penalty for which all coefficients are 0; of the level for constant targets."""
    rows = design - design.mean(axis=0)
    largest = np.abs(rows.T @ targets).max(axis=0) / len(rows)
    least = np.abs(targets).max(axis=0) * 1e-12  # Smaller variation is rounding.
    return np.where(largest > least, largest, np.maximum(np.abs(targets).max(axis=0), 1.0))


def reduced(design: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Problem:
    """The problem of weighted rows, decomposed through the smaller of rows and columns."""
    shares = (weights / weights.sum()).astype(design.dtype)
    roots = np.sqrt(shares)[:, None]
    rows = (design - shares @ design) * roots
    outcomes = (targets - shares @ targets) * roots
    fewer_rows = len(rows) < rows.shape[1]
    eigenvalues, vectors = np.linalg.eigh(rows @ rows.T if fewer_rows else rows.T @ rows)
    varies = eigenvalues > eigenvalues[-1] * max(rows.shape) * np.finfo(rows.dtype).eps
    eigenvalues, vectors = eigenvalues[varies], vectors[:, varies]
    directions = rows.T @ vectors / np.sqrt(eigenvalues) if fewer_rows else vectors
    return Problem(directions, eigenvalues, rows.T @ outcomes)


def nowhere(problem: Problem) -> LassoState:
    """The initial state: all coefficients and duals are 0."""
    return LassoState(np.zeros_like(problem.correlations), np.zeros_like(problem.correlations))


def solve(
    problem: Problem, penalties: np.ndarray, start: LassoState, precision: tuple[float, int]
) -> LassoState:
    """Coefficients of each target under its penalty (Q,), above 0.

    Args:
        problem: of Q targets.
        penalties: (Q,).
        start: a state to start from.
        precision: stop when no coefficient changes by more than this fraction of the largest one;
            and the maximum number of iterations.
    """
    kind = problem.correlations.dtype
    found = LassoState(*(np.empty(problem.correlations.shape, kind) for _ in range(2)))
    for penalty in np.unique(penalties):
        alike = np.flatnonzero(penalties == penalty)
        # Identical rows have no eigenvalues; all values are 0 then, whatever the step.
        mean = max(problem.eigenvalues.sum() / len(problem.correlations), 1e-9)
        step = float(_STEP * mean * penalty)
        smoothed = _smoother(problem, step)
        for part in np.array_split(alike, -(-len(alike) // _TOGETHER)):
            pull = problem.correlations[:, part] / kind.type(step)
            state = _iterate(smoothed, pull, penalty / step, start.of(part), precision)
            found.coefficients[:, part], found.duals[:, part] = state.coefficients, state.duals
    return found


def _smoother(problem: Problem, step: float) -> Callable[[np.ndarray], np.ndarray]:
    """The map x -> X^T W X (X^T W X + step)^-1 x, as one product or as two narrower ones."""
    kind = problem.directions.dtype.type
    shrunken = problem.directions * (problem.eigenvalues / (problem.eigenvalues + kind(step)))
    if 2 * len(problem.eigenvalues) < len(problem.directions):
        return lambda x: shrunken @ (problem.directions.T @ x)
    matrix = shrunken @ problem.directions.T
    return lambda x: matrix @ x


def _iterate(
    smoothed: Callable[[np.ndarray], np.ndarray],
    pull: np.ndarray,
    limit: float,
    start: LassoState,
    precision: tuple[float, int],
) -> LassoState:
    """The iterations for targets of one penalty.

    Args:
        smoothed: X^T W X (X^T W X + step)^-1 x.
        pull: (p, Q) correlations / step.
        limit: penalty / step, the largest scaled dual.
        start: the state to start from.
        precision: of the coefficients, and the maximum number of iterations.
    """
    tolerance, iterations = precision
    kind = pull.dtype.type
    relaxation, bound = kind(_RELAXATION), kind(limit)
    coefficients, duals = start.coefficients.astype(kind), start.duals.astype(kind)
    for iteration in range(1, iterations + 1):
        smooth = coefficients - duals
        smooth += pull
        smooth -= smoothed(smooth)
        before = coefficients
        moved = relaxation * smooth
        moved += (1 - relaxation) * before
        moved += duals
        duals = np.clip(moved, -bound, bound)
        coefficients = moved - duals
        if iteration % 5 == 0:
            allowed = tolerance * np.maximum(np.abs(coefficients).max(axis=0), bound)
            change = np.maximum(np.abs(coefficients - before), np.abs(coefficients - smooth))
            if (change.max(axis=0) <= allowed).all():
                break
    return LassoState(coefficients, duals)


def _cross_validated(design: np.ndarray, targets: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(Q,) fractions of PATH with the least error on folds of clusters left out.

    A target follows the path until its error has risen by a tenth.
    """
    folds = numbers % min(FOLDS, numbers.max() + 1)
    problems, states, tests = [], [], []
    for fold in np.unique(folds):
        out = folds == fold
        problem = reduced(design[~out], targets[~out], np.ones(np.count_nonzero(~out)))
        problems.append(problem)
        states.append(nowhere(problem))
        tests.append(
            (design[out] - design[~out].mean(axis=0), targets[out] - targets[~out].mean(axis=0))
        )
    left = np.arange(targets.shape[1])
    chosen, least = np.ones(len(left)), np.full(len(left), np.inf)
    for fraction in PATH:
        errors = np.zeros(len(left))
        for fold, (problem, (rows, wanted)) in enumerate(zip(problems, tests, strict=True)):
            some = Problem(problem.directions, problem.eigenvalues, problem.correlations[:, left])
            states[fold] = solve(some, np.full(len(left), fraction), states[fold], ROUGH)
            errors += ((wanted[:, left] - rows @ states[fold].coefficients) ** 2).sum(axis=0)
        better = errors < least[left]
        chosen[left[better]], least[left[better]] = fraction, errors[better]
        follows = errors <= 1.1 * least[left]
        left = left[follows]
        states = [state.of(follows) for state in states]
    return chosen


def _bootstrapped(
    design: np.ndarray,
    targets: np.ndarray,
    numbers: np.ndarray,
    fractions: np.ndarray,
    start: LassoState,
    seed: int,
) -> np.ndarray:
    """(p, Q) standard deviation of the coefficients over resampled clusters."""
    clusters = numbers.max() + 1
    rng = np.random.default_rng(seed)
    total, squares = np.zeros((2, *start.coefficients.shape))
    for _ in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, clusters, clusters), minlength=clusters)[numbers]
        counted = drawn > 0
        problem = reduced(design[counted], targets[counted], drawn[counted])
        change = solve(problem, fractions, start, ROUGH).coefficients - start.coefficients
        total += change
        squares += change**2
    variances = (squares - total**2 / RESAMPLES) / (RESAMPLES - 1)
    return np.sqrt(np.maximum(variances, 0.0))
