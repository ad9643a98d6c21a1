"""The same learning rate to the end."""


def constant(done: float) -> float:
    """Factor of the learning rate when a fraction of the training is done."""
    return 1.0
