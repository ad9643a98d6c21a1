"""Numbers of the models that trainings leave on their way; needs no torch."""

#: A model is numbered: training seed's number x APART + steps.
APART = 10**6


def model_name(seed: int, step: int) -> str:
    """The name of the model that a training, the number of its seed given, leaves after a step."""
    return f"{seed * APART + step:07d}"


def seed_and_step(number: int) -> tuple[int, int]:
    """The number of the seed, and the step."""
    return divmod(number, APART)
