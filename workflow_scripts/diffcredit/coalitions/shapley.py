"""The Shapley kernel: coalitions of KernelSHAP, drawn by their sizes."""

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

#: Steps of this fraction of the unit interval fill it evenly, however many they are.
GOLDEN_RATIO = (5**0.5 - 1) / 2
#: So many pairs of balanced coalitions are evened together.
BLOCK = 10


def leverage_probabilities(contributors: int) -> np.ndarray:
    """P(|S| = s) in proportion to the leverage of the coalitions of a size: uniform on 1..N-1.

    Musco & Witter (arXiv 2410.01917): the scores of all coalitions of one size add up to the same
    for every size.
    """
    probabilities = np.zeros(contributors + 1)
    probabilities[1:contributors] = 1 / (contributors - 1)
    return probabilities


SAMPLING = {"kernel": shapley_probabilities, "leverage": leverage_probabilities}


class Shapley(Distribution):
    """P(s) ~ (N-1) / (s (N-s)), then uniform given the size: the kernel of KernelSHAP."""

    class Options(Distribution.Options):
        """How many coalitions, and how they hang together."""

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
            """Only pairs can be balanced."""
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
        """An independent draw: its size, then one of the coalitions of this size."""
        rng = np.random.default_rng(derive(seed, number))
        probabilities = self.size_probabilities(contributors)
        return of_size(int(rng.choice(contributors + 1, p=probabilities)), contributors, rng)

    def draws(
        self, contributors: int, seed: int, numbers: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """See `Distribution.draws`; balanced ones depend on all those before."""
        if not self.options.balanced:
            return super().draws(contributors, seed, numbers, names)
        return self._balanced(contributors, seed, numbers.max(initial=-1) + 1)[numbers]

    def _balanced(self, contributors: int, seed: int, pairs: int) -> np.ndarray:
        """The first coalition of each pair, (pairs, N), so that all contributors' loads are even.

        The load of a contributor is the sum of |S| over the coalitions S that keep it, each
        weighted as for Shapley values (here, less what a pair adds to everybody's). Where loads are
        even, what is linear in |S|, such as the line from an extreme v(none) to the other
        coalitions, takes no part in the differences between values, once there are more pairs than
        contributors.

        The larger coalition of a pair goes to those with the least load so far, by lot where loads
        are equal; of a block the pairs come first whose two sizes differ most, and the others even
        out what they leave. Each coalition by itself is distributed as in independent pairs: the
        lot makes all of one size equally likely, and sizes are places of a lattice with a random
        start.
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
        """All but everybody and nobody."""
        return 2**contributors - 2
