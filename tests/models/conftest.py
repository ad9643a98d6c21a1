"""Tiny networks for the tests of models."""

import pytest
import torch

from diffcredit.config import Model
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Description, Trained

torch.set_num_threads(1)

MODEL = Model(channels=[8, 16], attention=[True, True], norm_groups=2, head_dim=4, timesteps=50)


def untrained(model: Model, seed: int, channels: int = 1) -> Trained:
    description = Description(ddpm.architecture(model, 8, channels))
    return Trained(description.build(seed).eval(), description)


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
