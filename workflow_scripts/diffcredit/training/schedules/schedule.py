"""What the training loop asks of a learning-rate schedule."""

from diffcredit.config.options import Implementation


class Schedule(Implementation):
    """How the learning rate goes on after the warm-up."""

    def factor(self, done: float) -> float:
        """What the peak is multiplied by when a fraction of the steps after the warm-up is done.

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
