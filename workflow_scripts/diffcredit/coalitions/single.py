"""One coalition for each contributor: all others, or only this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution, Impossible
from diffcredit.coalitions.sizes import log_one_size
from diffcredit.config.messages import shown
from diffcredit.config.sections import Count

if TYPE_CHECKING:
    from diffcredit.config.schema import Config


class OneEach(Distribution):
    """A distribution with one coalition for each contributor."""

    class Options(Distribution.Options):
        """The number of coalitions, equal to the number of contributors."""

        count: Count | None = Field(
            None,
            description="the number of contributors, 1 or more; left out where the data tells it",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message if the count is missing and the data does not determine it."""
            from diffcredit.config.counts import known_contributors

            if self.count is None and known_contributors(config.data, base) is None:
                return [
                    f"  {key}.count is missing: data.contributors = "
                    f"{shown(config.data.contributors)} does not tell the number of contributors"
                ]
            return []

        def counted(self, contributors: int | None, base: Path) -> Self:
            """See `DistributionOptions.counted`."""
            return self if self.count else self.model_copy(update={"count": contributors})

    def impossible(self, contributors: int) -> Impossible | None:
        """There is one coalition of each contributor."""
        if found := super().impossible(contributors):
            return found
        if self.options.count not in (None, contributors):
            accepted = f"must be the number of contributors, {contributors}; it may be left out"
            return Impossible("count", accepted, f"count: {contributors}")
        return None

    def different(self, contributors: int) -> int | None:
        """One for each contributor."""
        return contributors


class LeaveOneOut(OneEach):
    """Everybody but one: coalition number i lacks contributor i."""

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        return np.arange(contributors) != number

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, contributors - 1)


class AddOneIn(OneEach):
    """One contributor alone: coalition number i is contributor i."""

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        return np.arange(contributors) == number

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, 1)
