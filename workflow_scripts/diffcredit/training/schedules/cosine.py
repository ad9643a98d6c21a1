"""Half a cosine, from 1 down to 0."""

import math

from diffcredit.training.schedules.schedule import Schedule


class CosineSchedule(Schedule):
    """Half a cosine."""

    def factor(self, done: float) -> float:
        """See `Schedule.factor`."""
        return 0.5 * (1 + math.cos(math.pi * done))
