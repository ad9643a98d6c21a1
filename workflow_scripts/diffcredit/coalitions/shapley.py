"""The Shapley kernel: coalitions of KernelSHAP, sampled by size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.sizes import log, of_size, shapley_probabilities
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count
from diffcredit.config.until import UNTIL, Until
from diffcredit.seeds import derive

if TYPE_CHECKING:
    from diffcredit.config.schema import Config

#: Steps of this fraction (golden ratio) fill the unit interval evenly for any number of steps.
GOLDEN_RATIO = (5**0.5 - 1) / 2
#: Number of pairs of balanced coalitions that are balanced together.
BLOCK = 10


def leverage_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) in proportion to the leverage of the coalitions of a size: uniform on 1..N-1.

    Musco & Witter (arXiv 2410.01917): the leverage scores of all coalitions of a size have the same
    sum for every size.
    """
    probabilities = np.zeros(contributors + 1)
    probabilities[1:contributors] = 1 / (contributors - 1)
    return probabilities


SAMPLING = {"kernel": shapley_probabilities, "leverage": leverage_probabilities}


class Shapley(Distribution):
    """P(s) ~ (N-1) / (s (N-s)), then uniform given the size: the kernel of KernelSHAP."""

    class Options(Distribution.Options):
        """The number of coalitions, and their pairing and balancing."""

        count: Count = Field(80, description="number of coalitions, 1 or more")
        paired: bool = Field(True, description="true: each coalition is followed by its complement")
        balanced: bool = Field(
            False,
            description="true: each contributor is in coalitions as large on average as "
            "everybody else's, which needs paired; false: pairs are independent",
        )
        sampling: Literal["kernel", "leverage"] = Field(
            "kernel",
            description="kernel, or leverage: every size from 1 to N-1 alike, then weighted",
        )
        until: Until | None = UNTIL

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message about balancing without pairs."""
            found = super().problems(key, config, base)
            if self.balanced and not self.paired:
                accepted = "it is pairs that are balanced: needs paired: true"
                hint = "with paired: false set balanced: false, too; config.yaml has true"
                found.append(problem(f"{key}.balanced", self.balanced, accepted, hint))
            return found

    @property
    def paired(self) -> bool:
        """See `Distribution.paired`."""
        paired: bool = self.options.paired
        return paired

    def size_probabilities(self, contributors: int) -> np.ndarray:
        """(N + 1,) P(|S| = s)."""
        return SAMPLING[self.options.sampling](contributors)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log(self.size_probabilities(contributors))

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """An independent draw: first the size, then a coalition of this size."""
        rng = np.random.default_rng(derive(seed, number))
        probabilities = self.size_probabilities(contributors)
        return of_size(int(rng.choice(contributors + 1, p=probabilities)), contributors, rng)

    def draws(
        self, contributors: int, seed: int, numbers: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """See `Distribution.draws`; balanced coalitions depend on all previous ones."""
        if not self.options.balanced:
            return super().draws(contributors, seed, numbers, names)
        return self._balanced(contributors, seed, numbers.max(initial=-1) + 1)[numbers]

    def _balanced(self, contributors: int, seed: int, pairs: int) -> np.ndarray:
        """(pairs, N) first coalitions of pairs that balance the loads of all contributors.

        The load of a contributor is the sum of |S| over the coalitions S that keep it, each
        weighted as for Shapley values (here, less what a pair adds to everybody's). With equal
        loads and more pairs than contributors, a component of v(S) that is linear in |S|, such as
        the effect of an extreme v(none), does not affect differences between values.

        The larger coalition of a pair gets the contributors with the least load so far, with random
        ties. Within a block, pairs whose sizes differ most come first, and the others even out the
        rest. The marginal distribution of each coalition is the same as with independent pairs:
        random ties make all coalitions of a size equally likely, and sizes come from a lattice with
        a random offset.
        """
        probabilities = self.size_probabilities(contributors)
        rng = np.random.default_rng(derive(seed, "balanced"))
        limits = probabilities.cumsum()
        blocks = np.arange(BLOCK * -(-pairs // BLOCK)) // BLOCK
        places = (rng.random() + GOLDEN_RATIO * np.arange(len(blocks))) % 1
        sizes = np.searchsorted(limits / limits[-1], places, side="right")
        weights = shapley_probabilities(contributors)[sizes] / probabilities[sizes]
        loads = np.zeros(contributors)
        larger = np.maximum(sizes, contributors - sizes)
        masks = np.zeros((len(sizes), contributors), dtype=bool)
        steps = weights * (2 * larger - contributors)
        for pair in np.lexsort((-steps, blocks)):
            least_first = np.lexsort((rng.random(contributors), loads))
            masks[pair, least_first[: larger[pair]]] = True
            loads += steps[pair] * masks[pair]
        balanced: np.ndarray = (masks ^ (sizes < larger)[:, None])[:pairs]
        return balanced

    def different(self, contributors: int) -> int | None:
        """All coalitions but the full and the empty one."""
        return 2**contributors - 2
