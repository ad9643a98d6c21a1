"""Coalitions that the user lists in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.sizes import log, log_binomial_probabilities, shapley_probabilities
from diffcredit.config import lists
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count, Place
from diffcredit.errors import UserError

if TYPE_CHECKING:
    from diffcredit.config.schema import Config


class Listed(Distribution):
    """Coalitions listed in a file."""

    class Options(Distribution.Options):
        """The file, the number of its coalitions, and their assumed distribution."""

        path: Place = Field(
            description="a .csv table (a column of 0 and 1 for each contributor) or .jsonl lines "
            "(lists of the kept contributors)"
        )
        count: Count | None = Field(
            None, description="the first so many of the list, 1 or more; all where left out"
        )
        drawn: Literal["uniform", "shapley"] = Field(
            "uniform",
            description="uniform (of all coalitions alike) or shapley (from the kernel): what "
            "Shapley and Banzhaf values take the list to be drawn from",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """Messages about the file of coalitions."""
            try:
                listed = self._listed(base)
            except UserError as error:
                return [problem(f"{key}.path", self.path, str(error))]
            if self.count is not None and self.count > listed:
                accepted = f"{self.path} lists {listed} coalitions"
                return [problem(f"{key}.count", self.count, accepted)]
            return []

        def counted(self, contributors: int | None, base: Path) -> Self:
            """See `DistributionOptions.counted`."""
            return self if self.count else self.model_copy(update={"count": self._listed(base)})

        def origin(self, name: str) -> tuple[str, ...]:
            """See `DistributionOptions.origin`."""
            return (str(Path(self.path)),)

        def user_files(self, first: int, end: int) -> list[tuple[Any, ...]]:
            """See `DistributionOptions.user_files`; only the lines of these coalitions count."""
            return [("coalitions", self.path, first, end)]

        def _listed(self, base: Path) -> int:
            return len(lists.read(base / self.path).coalitions)

    def draws(
        self, contributors: int, seed: int, numbers: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """Read the coalitions of the list; ``names`` are required."""
        found = lists.masks(Path(self.options.path), names, numbers)
        return np.array(found, dtype=bool).reshape(len(numbers), contributors)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """Uniform (the complete list gives exact values then), or the Shapley kernel."""
        if self.options.drawn == "uniform":
            return log_binomial_probabilities(contributors)
        return log(shapley_probabilities(contributors))
