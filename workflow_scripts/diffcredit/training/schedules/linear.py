"""A straight line, from 1 down to 0."""

from diffcredit.training.schedules.schedule import Schedule


class LinearSchedule(Schedule):
    """A straight line."""

    def factor(self, done: float) -> float:
        """See `Schedule.factor`."""
        return 1 - done
