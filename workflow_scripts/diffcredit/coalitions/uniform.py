"""Uniformly distributed coalitions, which define Banzhaf values."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.sizes import log_binomial_probabilities
from diffcredit.config.sections import Count
from diffcredit.config.until import UNTIL, Until
from diffcredit.seeds import derive


class Uniform(Distribution):
    """Each contributor is kept with probability 1/2."""

    class Options(Distribution.Options):
        """The number of coalitions, and whether complements are included."""

        count: Count = Field(48, description="number of coalitions, 1 or more")
        paired: bool = Field(True, description="true: each coalition is followed by its complement")
        until: Until | None = UNTIL

    @property
    def paired(self) -> bool:
        """See `Distribution.paired`."""
        paired: bool = self.options.paired
        return paired

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """Keep each contributor with probability 1/2."""
        return np.random.default_rng(derive(seed, number)).random(contributors) < 0.5

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_binomial_probabilities(contributors)

    def different(self, contributors: int) -> int | None:
        """All of them."""
        return 2**contributors
