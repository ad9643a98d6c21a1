"""Tiny networks for the tests of models."""

import pytest
import torch
from trainings import untrained

from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel

torch.set_num_threads(1)

MODEL = Pixel.Options(
    family="pixel",
    channels=[8, 16],
    attention=[True, True],
    norm_groups=2,
    head_dim=4,
    timesteps=50,
)


@pytest.fixture
def network() -> Trained:
    return untrained(MODEL, seed=0)


@pytest.fixture
def other_network() -> Trained:
    """Of the same architecture."""
    return untrained(MODEL, seed=1)


@pytest.fixture
def wider_network() -> Trained:
    return untrained(MODEL.model_copy(update={"channels": [8, 24]}), seed=0)
