"""Datamodels: a line in the kept contributors."""

import numpy as np

from diffcredit.attribution import datamodel
from diffcredit.attribution.game import Game


def game_of(masks: np.ndarray, values: np.ndarray) -> Game:
    nothing = np.empty((0, values.shape[1]))
    rows = len(masks)
    return Game(masks, values, np.ones(rows), np.arange(rows), nothing, nothing)


def test_line_is_recovered() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((40, 7)) < 0.5
    slopes = rng.normal(size=(7, 2))
    estimate = datamodel.ridge(game_of(masks, masks @ slopes - 300))
    np.testing.assert_allclose(estimate.values, slopes, atol=1e-3 * np.abs(slopes).max())


def test_the_level_of_the_behavior_does_not_change_the_slopes() -> None:
    """The intercept is not penalized."""
    rng = np.random.default_rng(1)
    masks = rng.random((30, 7)) < 0.5
    values = masks @ rng.normal(size=(7, 1)) + rng.normal(0, 0.3, (30, 1))
    near, far = (datamodel.ridge(game_of(masks, values + level)) for level in (0.0, 1000.0))
    np.testing.assert_allclose(near.values, far.values, atol=1e-8)
    assert near.strengths[0] > 0.01


def test_slopes_of_a_behavior_without_contributors_shrink_away() -> None:
    """Noise that has nothing to do with the contributors is given to nobody."""
    rng = np.random.default_rng(2)
    masks = rng.random((48, 12)) < 0.5
    signal = masks @ rng.normal(size=(12, 20))
    noise = rng.normal(0, signal.std(), (48, 20))
    of_noise = np.abs(datamodel.ridge(game_of(masks, noise)).values).mean()
    of_signal = np.abs(datamodel.ridge(game_of(masks, signal)).values).mean()
    assert of_noise < 0.2 * of_signal
