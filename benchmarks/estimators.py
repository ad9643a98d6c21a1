"""Seconds and peak memory of every estimator, with standard errors, on simulated behaviors.

    python benchmarks/estimators.py
    python benchmarks/estimators.py --queries 1000 --coalitions 500 --contributors 258

Each estimator runs in a process of its own, so that the memory is its own; "imports" is what a
process takes that fits nothing.
"""

import argparse
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

from diffcredit.attribution.game import Correction, Game
from diffcredit.coalitions.datamodel import Datamodel
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.single import AddOneIn, LeaveOneOut
from diffcredit.coalitions.table import importance, table
from diffcredit.coalitions.uniform import Uniform
from diffcredit.registry import DISTRIBUTIONS, ESTIMATORS


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    queries: int
    coalitions: int
    contributors: int


def distributions(size: Size) -> dict[str, Distribution]:
    """Those that estimators are timed on."""
    count = size.coalitions
    return {
        "shapley": Shapley(distribution="shapley", count=count),
        "leverage": Shapley(distribution="shapley", count=count, sampling="leverage"),
        "uniform": Uniform(distribution="uniform", count=count),
        "datamodel": Datamodel(distribution="datamodel", count=count),
        "leave_one_out": LeaveOneOut(distribution="leave_one_out"),
        "add_one_in": AddOneIn(distribution="add_one_in"),
    }


def simulated(size: Size, distribution: Distribution, definition: str | None) -> Game:
    """Sparse additive games of all queries, and as much noise as there is signal."""
    rng = np.random.default_rng(0)
    count = distribution.options.count or size.contributors
    rows = table(distribution, size.contributors, 0, range(count))
    masks = np.stack(list(rows["mask"]))
    shape = (size.contributors, size.queries)
    worth = rng.normal(size=shape) * (rng.random(shape) < 0.3)
    noise = np.sqrt(0.3 * size.contributors) / 2

    def measured(masks: np.ndarray) -> np.ndarray:
        return 100 + masks @ worth + rng.normal(0, noise, (len(masks), size.queries))

    weights = np.ones(len(masks))
    if definition is not None:
        weights = importance(masks, DISTRIBUTIONS[definition](), distribution)
    masks, clusters = masks[weights > 0], rows["pair"].to_numpy()[weights > 0]
    weights = weights[weights > 0]
    everyone = np.ones((3, size.contributors), dtype=bool)
    game = Game(masks, measured(masks), weights, clusters, measured(everyone), measured(~everyone))
    tenth = np.arange(len(masks)) < len(masks) // 10 * 2
    correction = Correction(
        masks=masks[tenth],
        cheap=game.values[tenth],
        exact=measured(masks[tenth]),
        weights=weights[tenth],
        clusters=clusters[tenth],
        full=measured(everyone),
    )
    return replace(game, correction=correction)


def timed(size: Size, estimator: str | None, name: str) -> dict[str, object]:
    """One row: an estimator on coalitions of a distribution."""
    seconds = 0.0
    if estimator is not None:
        game = simulated(size, distributions(size)[name], ESTIMATORS[estimator].weights)
        fitted = ESTIMATORS[estimator]()
        start = time.perf_counter()
        fitted(game)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {
        "estimator": estimator or "imports",
        "coalitions": name,
        "seconds": round(seconds, 2),
        "peak GB": round(peak, 2),
    }


def cases(size: Size) -> list[tuple[str | None, str]]:
    """Every estimator on what it is usually fitted on, and on what is hardest for it."""
    every: list[tuple[str | None, str]] = [(None, "")]
    for name, estimator in ESTIMATORS.items():
        if estimator.distribution is not None:
            every.append((name, estimator.distribution))
        elif estimator.weights == "shapley":
            every += [(name, "shapley"), (name, "leverage")]
        elif estimator.weights == "uniform":
            every += [(name, "uniform")]
        else:
            every += [(name, "datamodel"), (name, "shapley")]
    return every


def main() -> None:
    """Time every estimator and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--coalitions", type=int, default=500)
    parser.add_argument("--contributors", type=int, default=258)
    size = Size(**vars(parser.parse_args()))
    rows = []
    for estimator, name in cases(size):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows.append(process.submit(timed, size, estimator, name).result())
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
