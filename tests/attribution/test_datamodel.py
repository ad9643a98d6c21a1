"""Datamodels: a line in the kept contributors."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from diffcredit.attribution import datamodel
from diffcredit.attribution.game import Estimate, Game

ESTIMATORS = [datamodel.ridge, datamodel.lasso]


def game_of(masks: np.ndarray, values: np.ndarray) -> Game:
    nothing = np.empty((0, values.shape[1]))
    rows = len(masks)
    return Game(masks, values, np.ones(rows), np.arange(rows), nothing, nothing)


@pytest.mark.parametrize(
    ("estimator", "tolerance"), [(datamodel.ridge, 1e-3), (datamodel.lasso, 5e-3)]
)
def test_line_is_recovered(estimator: Callable[[Game], Estimate], tolerance: float) -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((40, 7)) < 0.5
    slopes = rng.normal(size=(7, 2))
    estimate = estimator(game_of(masks, masks @ slopes - 300))
    np.testing.assert_allclose(estimate.values, slopes, atol=tolerance * np.abs(slopes).max())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_level_of_the_behavior_does_not_change_the_slopes(
    estimator: Callable[[Game], Estimate],
) -> None:
    """The intercept is not penalized."""
    rng = np.random.default_rng(1)
    masks = rng.random((30, 7)) < 0.5
    values = masks @ rng.normal(size=(7, 1)) + rng.normal(0, 0.3, (30, 1))
    near, far = (estimator(game_of(masks, values + level)) for level in (0.0, 1000.0))
    np.testing.assert_allclose(near.values, far.values, atol=1e-5)
    assert near.strengths[0] > 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_slopes_of_a_behavior_without_contributors_shrink_away(
    estimator: Callable[[Game], Estimate],
) -> None:
    """Noise that has nothing to do with the contributors is given to nobody."""
    rng = np.random.default_rng(2)
    masks = rng.random((48, 12)) < 0.5
    signal = masks @ rng.normal(size=(12, 20))
    noise = rng.normal(0, signal.std(), (48, 20))
    of_noise = np.abs(estimator(game_of(masks, noise)).values).mean()
    of_signal = np.abs(estimator(game_of(masks, signal)).values).mean()
    assert of_noise < 0.2 * of_signal


def test_lasso_names_the_few_who_count() -> None:
    """Of 40 contributors 3 do anything; the others have no value at all."""
    rng = np.random.default_rng(3)
    masks = rng.random((60, 40)) < 0.5
    values = masks[:, [4, 17, 30]] @ np.array([[2.0], [-3.0], [1.5]]) + rng.normal(0, 0.1, (60, 1))
    found = datamodel.lasso(game_of(masks, values)).values[:, 0]
    assert set(np.argsort(-np.abs(found))[:3]) == {4, 17, 30}
    assert (found == 0).sum() >= 20
    ridge = datamodel.ridge(game_of(masks, values)).values[:, 0]
    truth = np.zeros(40)
    truth[[4, 17, 30]] = [2.0, -3.0, 1.5]
    assert np.abs(found - truth).mean() < 0.5 * np.abs(ridge - truth).mean()


def test_lasso_is_scikit_learns_at_its_penalty() -> None:
    rng = np.random.default_rng(4)
    masks = rng.random((50, 9)) < 0.5
    values = 70 + masks @ rng.normal(size=(9, 3)) + rng.normal(0, 1, (50, 3))
    estimate = datamodel.lasso(game_of(masks, values))
    for target in range(3):
        model = Lasso(alpha=estimate.strengths[target], tol=1e-10, max_iter=100_000)
        expected = model.fit(masks, values[:, target]).coef_
        np.testing.assert_allclose(estimate.values[:, target], expected, atol=1e-4)
