"""A constant learning rate."""

from diffcredit.training.schedules.schedule import Schedule


class ConstantSchedule(Schedule):
    """No change."""

    def factor(self, done: float) -> float:
        """See `Schedule.factor`."""
        return 1.0
