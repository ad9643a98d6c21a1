"""The snapshots of a training of the full model, and the learning rates before them.

Separate from the training, so that scores of gradients do not import its dependencies.
"""

from statistics import fmean

from diffcredit.config import Full, Training
from diffcredit.config.options import build
from diffcredit.registry import SCHEDULES


def snapshot_steps(settings: Full) -> tuple[int, ...]:
    """The steps of snapshots, evenly spaced; the last one is the model itself."""
    count = settings.snapshots
    return tuple(round(settings.steps * number / count) for number in range(1, count + 1))


def mean_rates(settings: Full, training: Training) -> list[float]:
    """The mean learning rate of the steps before each snapshot, since the previous one."""
    steps, peak = settings.steps, settings.learning_rate
    schedule, warmup = build(SCHEDULES, training.schedule), training.warmup_steps
    rates = [schedule.learning_rate(step, steps, peak, warmup) for step in range(steps)]
    ends = snapshot_steps(settings)
    return [fmean(rates[a:b]) for a, b in zip((0, *ends), ends, strict=False)]
