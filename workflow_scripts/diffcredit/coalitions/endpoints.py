"""The full and the empty coalition, on which v(all) and v(none) are measured."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.sizes import log_one_size
from diffcredit.config.sections import Count


class Endpoint(Distribution):
    """A distribution whose coalitions are all the same, trained from different seeds."""

    class Options(Distribution.Options):
        """The number of repetitions."""

        count: Count = Field(3, description="independent repetitions, 1 or more")


class Everyone(Endpoint):
    """All contributors: v(all)."""

    endpoint = "full"

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        return np.ones(contributors, dtype=bool)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, contributors)


class Nobody(Endpoint):
    """No contributors: v(none), the untrained network."""

    endpoint = "none"

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        return np.zeros(contributors, dtype=bool)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, 0)
