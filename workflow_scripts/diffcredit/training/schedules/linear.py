"""A straight line, from 1 down to 0."""


def linear(done: float) -> float:
    """Factor of the learning rate when a fraction of the training is done."""
    return 1 - done
