"""Counterfactuals of additive games are known exactly."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows

from diffcredit.behaviors.table import Behaviors
from diffcredit.coalitions.requested.counterfactual import (
    affected,
    coalitions_of_one,
    kept,
    random_coalitions,
    ranked_coalitions,
)
from diffcredit.config import Counterfactual
from diffcredit.evaluation.counterfactual import counterfactual_table
from diffcredit.registry import Better

BETTER: dict[str, Better] = {"fid": "lower", "entropy": "higher"}
WORTH = np.array([5.0, -2, 1, 0, 7, 3, -1, 2])
BASE = 10.0
SETTINGS = Counterfactual(
    approach="retrain",
    full="retrain/full",
    attributions=["exact"],
    behaviors=["fid", "entropy"],
    fractions=[0.25, 0.5],
    random=3,
    seeds=2,
)


def attribution() -> pd.DataFrame:
    """Of fid the exact values; of entropy their opposites, as the mean of two queries."""
    numbers = np.arange(len(WORTH))
    parts = [("fid", 0, WORTH), ("entropy", 0, -WORTH - 1), ("entropy", 1, -WORTH + 1)]
    return pd.concat(
        [
            pd.DataFrame({"contributor": numbers, "behavior": name, "query": q, "value": values})
            for name, q, values in parts
        ]
    )


def measured(
    coalitions: pd.DataFrame,
    seeds: int = 2,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Behaviors:
    """Behaviors of an additive game.

    Noise is added to one training seed and taken from the other; that of ``rng`` differs.
    """
    rows = [
        (row["index"], training_seed, behavior, 0, BASE + WORTH @ row["mask"] + sign * noise)
        for _, row in coalitions.iterrows()
        for training_seed, sign in zip(range(seeds), (1, -1, 0), strict=False)
        for behavior in ("fid", "entropy")
    ]
    names = ["coalition", "training_seed", "behavior", "query", "value"]
    table = pd.DataFrame(rows, columns=names)
    if rng is not None:
        table["value"] += rng.normal(0, 1.5, len(table))
    return of_rows(table)


EVERYONE = pd.DataFrame({"index": range(3), "mask": [np.ones(8, dtype=bool)] * 3})
FULL = BASE + WORTH.sum()


@pytest.mark.parametrize(
    ("fraction", "contributors", "expected"),
    [(0.25, 12, 3), (0.25, 10, 3), (0.01, 10, 1), (0.99, 10, 9), (0.5, 5, 3)],
)
def test_fraction_takes_at_least_one_and_leaves_one(
    fraction: float, contributors: int, expected: int
) -> None:
    assert affected(fraction, contributors) == expected


def test_actions_take_the_ends_of_the_ranking() -> None:
    assert set(np.flatnonzero(~kept(WORTH, "remove top", 0.25))) == {4, 0}
    assert set(np.flatnonzero(~kept(WORTH, "remove bottom", 0.25))) == {1, 6}
    assert set(np.flatnonzero(kept(WORTH, "keep top", 0.25))) == {4, 0}


def test_changes_of_an_additive_game_are_exact() -> None:
    everyone = measured(EVERYONE)
    ranked = ranked_coalitions("exact", attribution(), SETTINGS, first=0, seed=1)
    random = random_coalitions(8, SETTINGS, first=len(ranked), seed=1)
    coalitions = pd.concat([ranked, random], ignore_index=True)
    assert list(coalitions["index"]) == list(range(len(coalitions)))
    assert len(ranked) == coalitions_of_one(SETTINGS)
    table = counterfactual_table(coalitions, measured(coalitions), everyone, 0.95, BETTER)
    found = table.set_index(["attribution", "behavior", "action", "fraction"])["change"]
    assert found["exact", "fid", "remove top", 0.25] == pytest.approx(-12 / FULL)
    assert found["exact", "fid", "remove bottom", 0.25] == pytest.approx(3 / FULL)
    assert found["exact", "fid", "keep top", 0.5] == pytest.approx(-(0 - 2 + 1 - 1) / FULL)
    # Entropy ranks the other way round.
    assert found["exact", "entropy", "remove top", 0.25] == pytest.approx(3 / FULL)
    removed = [WORTH[~mask].sum() for mask in random.loc[random["fraction"] == 0.5, "mask"]]
    assert found["random", "fid", "remove random", 0.5] == pytest.approx(-np.mean(removed) / FULL)
    assert (table.loc[table["fraction"] == 0.25, "removed"].isin([2, 6])).all()


@pytest.mark.parametrize(
    ("better", "top", "bottom"),
    [
        ("higher", "helped most", "harmed most"),
        ("lower", "harmed most", "helped most"),
        (None, "largest values", "smallest values"),
    ],
)
def test_tables_say_whom_an_action_is_about(better: Better, top: str, bottom: str) -> None:
    """What is removed is the same; whether these had helped depends on the behavior."""
    ranked = ranked_coalitions("exact", attribution(), SETTINGS, first=0, seed=1)
    random = random_coalitions(8, SETTINGS, first=len(ranked), seed=1)
    coalitions = pd.concat([ranked, random], ignore_index=True)
    ways: dict[str, Better] = {"fid": better, "entropy": "higher"}
    table = counterfactual_table(coalitions, measured(coalitions), measured(EVERYONE), 0.95, ways)
    who = table[table["behavior"] == "fid"].groupby("action")["who"].unique().map(list)
    assert who.to_dict() == {
        "remove top": [top],
        "keep top": [top],
        "remove bottom": [bottom],
        "remove random": ["random"],
    }
    assert set(table.loc[table["behavior"] == "entropy", "better"]) == {"higher"}


def test_intervals_come_from_training_seeds_and_are_empty_for_one() -> None:
    everyone = measured(EVERYONE)
    ranked = ranked_coalitions("exact", attribution(), SETTINGS, first=0, seed=1)
    noisy = counterfactual_table(ranked, measured(ranked, noise=2.0), everyone, 0.95, BETTER)
    assert (noisy["low"] < noisy["change"]).all()
    assert (noisy["change"] < noisy["high"]).all()
    alone = counterfactual_table(ranked, measured(ranked, seeds=1), everyone, 0.95, BETTER)
    assert alone["low"].isna().all()


def test_equal_coalitions_are_trained_alike_whoever_asks_for_them() -> None:
    first = ranked_coalitions("one", attribution(), SETTINGS, first=0, seed=1)
    second = ranked_coalitions("two", attribution(), SETTINGS, first=12, seed=1)
    assert list(first["seed"]) == list(second["seed"])
    masks = {tuple(mask) for mask in first["mask"]}
    assert first["seed"].nunique() == len(masks)
    other = ranked_coalitions("one", attribution(), SETTINGS, first=0, seed=2)
    assert set(first["seed"]).isdisjoint(other["seed"])


@pytest.mark.slow
def test_intervals_of_changes_cover() -> None:
    """Welch's interval of the ratio, on simulated training noise."""
    rng = np.random.default_rng(0)
    coalition = ranked_coalitions("exact", attribution(), SETTINGS, first=0, seed=1).head(1)
    truth = -12 / FULL
    hits = 0
    for _ in range(400):
        values, full = measured(coalition, seeds=3, rng=rng), measured(EVERYONE, rng=rng)
        row = counterfactual_table(coalition, values, full, 0.9, BETTER).iloc[0]
        hits += row["low"] <= truth <= row["high"]
    assert 0.84 < hits / 400 < 0.97
