"""The interface of learning-rate schedules."""

from diffcredit.config.options import Implementation


class Schedule(Implementation):
    """The learning rate after the warm-up."""

    def factor(self, done: float) -> float:
        """The factor of the peak rate after a fraction of the steps that follow the warm-up.

        Args:
            done: from 0 to 1.
        """
        raise NotImplementedError

    def learning_rate(self, step: int, steps: int, peak: float, warmup: int) -> float:
        """The learning rate of a step: linear warm-up to the peak, then the schedule.

        Args:
            step: from 0.
            steps: of the training.
            peak: learning rate at the end of the warm-up.
            warmup: steps of linear warm-up.
        """
        if step < warmup:
            return peak * (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        return peak * self.factor(min(1.0, done))
