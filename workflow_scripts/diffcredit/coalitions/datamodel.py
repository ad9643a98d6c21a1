"""Coalitions of a fixed size, on which datamodels are fitted and evaluated."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution, Impossible
from diffcredit.coalitions.sizes import log_one_size, of_size
from diffcredit.config.sections import Count, Fraction
from diffcredit.config.until import UNTIL, Until
from diffcredit.seeds import derive


class Datamodel(Distribution):
    """Uniform among the coalitions of floor(alpha N) contributors."""

    class Options(Distribution.Options):
        """The number of coalitions, and their size."""

        count: Count = Field(16, description="number of coalitions, 1 or more")
        alpha: Fraction = Field(0.5, description="fraction of contributors kept, above 0, below 1")
        until: Until | None = UNTIL

    def size(self, contributors: int) -> int:
        """Contributors that are kept: floor(alpha N)."""
        # 0.29 * 100 is 28.999999999999996
        return math.floor(self.options.alpha * contributors + 1e-9)

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        rng = np.random.default_rng(derive(seed, number))
        return of_size(self.size(contributors), contributors, rng)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, self.size(contributors))

    def impossible(self, contributors: int) -> Impossible | None:
        """At least one contributor must be kept, and one removed."""
        if found := super().impossible(contributors):
            return found
        size = self.size(contributors)
        if size == 0:
            # Rounded up, so that the suggested value is accepted.
            digits = len(str(contributors)) + 2
            least = math.ceil(10**digits / contributors) / 10**digits
            hint = f"floor(alpha N) must be at least 1: alpha >= {least:.{digits}f}"
            return Impossible("alpha", f"keeps none of {contributors} contributors", hint)
        if size == contributors:
            most = (contributors - 0.5) / contributors
            hint = f"floor(alpha N) must be below N: alpha <= {most:.6g}"
            return Impossible("alpha", f"keeps all of {contributors} contributors", hint)
        return None

    def different(self, contributors: int) -> int | None:
        """The number of coalitions of this size."""
        return math.comb(contributors, self.size(contributors))
