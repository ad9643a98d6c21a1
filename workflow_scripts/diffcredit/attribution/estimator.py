"""What an attribution asks of a removal estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from diffcredit.config.options import Implementation

if TYPE_CHECKING:
    from diffcredit.attribution.game import Estimate, Game


class Estimator(Implementation):
    """Values of contributors from the recorded behaviors of coalitions.

    Attributes:
        endpoints: those of v(all) ("full") and v(none) ("none") that it needs.
        weights: the removal distribution that its values are defined by, to which coalitions of
            other distributions are weighted; None where all coalitions count alike.
        distribution: the only removal distribution that it can be fitted on; None for any.
        corrections: whether it needs a second table, of few retrained coalitions.
    """

    endpoints: ClassVar[tuple[str, ...]] = ()
    weights: ClassVar[str | None] = None
    distribution: ClassVar[str | None] = None
    corrections: ClassVar[bool] = False

    def __call__(self, game: Game) -> Estimate:
        """The values of N contributors for Q behaviors, with their standard errors."""
        raise NotImplementedError
