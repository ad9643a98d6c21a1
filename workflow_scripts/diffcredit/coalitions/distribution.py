"""The interface of removal distributions: sampling, and the probability of each size.

A new distribution is a class in a file of its own and one line in the registry. It implements
`draw` and `log_size_probabilities`, and may implement checks of the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from diffcredit.config.options import Implementation, Options, Registered
from diffcredit.config.sections import Count
from diffcredit.registry import DISTRIBUTIONS

if TYPE_CHECKING:
    from diffcredit.config.schema import Config


@dataclass(frozen=True)
class Impossible:
    """Why a distribution has no coalitions: the wrong key, accepted values, and a hint."""

    key: str
    accepted: str
    hint: str


class DistributionOptions(Options):
    """An entry of coalitions: its distribution, the number of coalitions, and further options."""

    # The key of the entry is its name; `distribution` is the name of the distribution.
    name: ClassVar[str] = ""  # type: ignore[misc]
    distribution: str = Field("", description="its name")
    count: Count | None = Field(None, description="number of coalitions, 1 or more")

    @property
    def given(self) -> dict[str, Any]:
        """The options without the name of the distribution."""
        keys = type(self).model_fields
        return {key: getattr(self, key) for key in keys if key != "distribution"}

    def problems(self, key: str, config: Config, base: Path) -> list[str]:
        """See `Options.problems`; the number of coalitions must be known."""
        if self.count is None:
            return [f"  {key}.count is missing: number of coalitions, 1 or more"]
        return []

    def counted(self, contributors: int | None, base: Path) -> Self:
        """The options with the count of coalitions, if the data or a file determines it.

        Args:
            contributors: their number; None where it is unknown before the data is read.
            base: folder that paths are relative to.
        """
        return self

    def origin(self, name: str) -> tuple[str, ...]:
        """The origin of the coalitions, equal for entries with the same coalitions.

        Args:
            name: of the entry.
        """
        return (name,)

    def user_files(self, first: int, end: int) -> list[tuple[Any, ...]]:
        """The user's files of coalitions ``first`` to ``end - 1``.

        Returns:
            Questions to `diffcredit.plan.UserFiles`, such as ``("file", path)``: the coalitions are
            made again when an answer changes.
        """
        return []


class Distribution(Implementation):
    """A removal distribution over the coalitions of N contributors.

    Attributes:
        endpoint: "full" if every coalition keeps all contributors, for v(all); "none" if every
            coalition is empty, for v(none); otherwise None.
    """

    class Options(DistributionOptions):
        """The options that all distributions have."""

    options: Any
    endpoint: ClassVar[Literal["full", "none"] | None] = None

    @property
    def name(self) -> str:
        """The name in messages."""
        return self.options.distribution or type(self).__name__

    @property
    def paired(self) -> bool:
        """Whether coalition 2k + 1 is the complement of coalition 2k."""
        return False

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """(N,) mask of one draw: a coalition, or the first coalition of a pair.

        Args:
            contributors: N.
            seed: of the distribution.
            number: of the draw, from 0; the mask depends only on the seed and this number.
        """
        raise NotImplementedError

    def draws(
        self, contributors: int, seed: int, numbers: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """(m, N) masks of m draws; see `draw`.

        Args:
            contributors: N.
            seed: of the distribution.
            numbers: (m,) numbers of the draws.
            names: of the contributors; empty if the distribution does not need them.
        """
        masks = [self.draw(contributors, seed, int(number)) for number in numbers]
        return np.array(masks, dtype=bool).reshape(len(masks), contributors)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """(N + 1,) logarithms of P(|S| = s); coalitions of the same size are equally likely."""
        raise NotImplementedError

    def impossible(self, contributors: int) -> Impossible | None:
        """Why this number of contributors has no coalitions; None if it has some.

        Returns:
            The key that is wrong: "contributors", or an option.
        """
        if self.endpoint is None and contributors < 2:
            accepted = f"{self.name} coalitions need 2 contributors or more"
            return Impossible("contributors", accepted, "data.contributors: 2")
        return None

    def different(self, contributors: int) -> int | None:
        """Number of distinct coalitions, besides the full and the empty one.

        None if it is unknown.
        """
        return None


def of_options(options: DistributionOptions) -> Distribution:
    """The distribution of an entry of coalitions."""
    return DISTRIBUTIONS[options.distribution].of(options)


def of_settings(given: Any) -> Distribution:
    """The distribution of an entry of coalitions, given as plain values.

    Raises:
        ValueError: if it names no distribution, or an option is wrong.
    """
    options = Registered(DISTRIBUTIONS, tag="distribution").validate(given)
    assert isinstance(options, DistributionOptions)
    return of_options(options)
