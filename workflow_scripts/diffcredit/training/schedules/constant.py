"""The same learning rate to the end."""

from diffcredit.training.schedules.schedule import Schedule


class Constant(Schedule):
    """No change."""

    def factor(self, done: float) -> float:
        """See `Schedule.factor`."""
        return 1.0
