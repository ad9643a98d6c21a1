"""Numbers of the models that trainings leave on their way; needs no torch."""

from typing import TypeVar

import numpy as np

Number = TypeVar("Number", int, np.ndarray)

#: A model is numbered: training seed's number x APART + steps.
APART = 10**6


def model_name(seed: int, step: int) -> str:
    """The name of the model that a training, the number of its seed given, leaves after a step."""
    return f"{seed * APART + step:07d}"


def seed_and_step(number: Number) -> tuple[Number, Number]:
    """The number of the seed, and the step, of the number of a model or of an array of them."""
    return number // APART, number % APART
