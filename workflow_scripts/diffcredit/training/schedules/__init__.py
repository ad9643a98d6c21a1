"""Learning-rate schedules: what the rate is multiplied by after the warm-up.

A new schedule is a new file here and a line in the registry: a function of how much of the training
after the warm-up is done, from 0 to 1.
"""

from diffcredit.registry import SCHEDULES, load


def learning_rate(step: int, steps: int, peak: float, warmup: int, schedule: str) -> float:
    """The learning rate of a step: linear warm-up to the peak, then the schedule.

    Args:
        step: from 0.
        steps: of the training.
        peak: learning rate at the end of the warm-up.
        warmup: steps of linear warm-up.
        schedule: name in the registry.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    factor: float = load(SCHEDULES, schedule)(min(1.0, done))
    return peak * factor
