"""How much nearer Shapley values come to the truth by balanced pairs than by independent ones.

    python benchmarks/balance.py

Additive games of 12 contributors, measured with a noise of 0.8 of the spread of the contributors'
worths; v(none) is off the line of the others by 20 times that spread, as the FID of noise is. An
error is the root mean square of values less worths, apart from what all contributors share.
"""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

import numpy as np
import pandas as pd

from diffcredit.attribution import shapley
from diffcredit.attribution.game import Estimate, Game
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import table

CONTRIBUTORS, NOISE, BELOW = 12, 0.8, 20.0
DRAWS, GAMES = 100, 25
ESTIMATORS: dict[str, Callable[[Game], Estimate]] = {
    "shapley_constrained": shapley.constrained,
    "shapley_ridge": shapley.ridge,
    "shapley_ridge_free": shapley.ridge_free,
}


def game(count: int, balanced: bool, seed: int) -> tuple[Game, np.ndarray]:
    """Coalitions of a draw with values of GAMES games, and the games' worths (N, Q)."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=(CONTRIBUTORS, GAMES))
    drawn = Shapley(distribution="shapley", count=count, balanced=balanced)
    rows = table(drawn, CONTRIBUTORS, seed, range(count))
    masks = np.stack(list(rows["mask"]))
    return Game(
        masks=masks,
        values=masks @ worth + rng.normal(0, NOISE, (count, GAMES)),
        weights=np.ones(count),
        clusters=rows["pair"].to_numpy(),
        full=worth.sum(axis=0)[None],
        none=np.full((1, GAMES), -BELOW),
    ), worth


def error(estimator: Callable[[Game], Estimate], count: int, balanced: bool) -> float:
    """Root mean square over draws, games and contributors."""
    squares = []
    for seed in range(DRAWS):
        drawn, worth = game(count, balanced, seed)
        off = estimator(drawn).values - worth
        squares.append((off - off.mean(axis=0)) ** 2)
    return float(np.sqrt(np.mean(squares)))


def main() -> None:
    """Print the errors of each estimator and number of coalitions, and their ratio."""
    rows = []
    for name, estimator in ESTIMATORS.items():
        for count in (20, 40, 80, 90):
            independent, balanced = (error(estimator, count, b) for b in (False, True))
            rows.append([name, count, independent, balanced, independent / balanced])
    columns = ["estimator", "coalitions", "independent pairs", "balanced pairs", "ratio"]
    print(pd.DataFrame(rows, columns=columns).to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    main()
