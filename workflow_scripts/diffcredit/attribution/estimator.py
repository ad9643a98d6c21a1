"""The interface of removal estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from diffcredit.config.options import Implementation

if TYPE_CHECKING:
    from diffcredit.attribution.game import Estimate, Game


class Estimator(Implementation):
    """Values of contributors from the recorded behaviors of coalitions.

    Attributes:
        endpoints: which of v(all) ("full") and v(none) ("none") the estimator needs.
        weights: the removal distribution that defines the values. Coalitions from other
            distributions are importance-weighted to it. None: all coalitions have equal weight.
        distribution: the only removal distribution that the estimator can be fitted on; None for
            any.
        corrections: whether the estimator needs a second table, with a few retrained coalitions.
    """

    endpoints: ClassVar[tuple[str, ...]] = ()
    weights: ClassVar[str | None] = None
    distribution: ClassVar[str | None] = None
    corrections: ClassVar[bool] = False

    def __call__(self, game: Game) -> Estimate:
        """The values of N contributors for Q behaviors, with their standard errors."""
        raise NotImplementedError
