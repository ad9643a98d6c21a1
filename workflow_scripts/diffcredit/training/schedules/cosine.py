"""Half a cosine, from 1 down to 0."""

import math


def cosine(done: float) -> float:
    """Factor of the learning rate when a fraction of the training is done."""
    return 0.5 * (1 + math.cos(math.pi * done))
