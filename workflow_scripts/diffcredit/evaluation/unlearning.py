"""Images deleted from a trained model: how far each approach gets, and what that costs.

Each approach is measured every few steps, by several training seeds. Two yardsticks stand beside
it: the pretrained model, which nothing was deleted from, and a model that was retrained without the
images. Nobody can say how much quality forgetting is worth, so approaches are compared by the front
of those that no other one beats in both (Alberti et al. 2025, arXiv 2503.01034).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from diffcredit.errors import UserError
from diffcredit.evaluation.intervals import mean_and_interval
from diffcredit.steps import seed_and_step

PRETRAINED, RETRAINED, UNLEARNED = "pretrained", "retrained", "unlearned"

Better = Literal["lower", "higher"]

#: Columns of measured approaches, by their names and their training seeds.
Tables = dict[tuple[str, int], pd.DataFrame]


@dataclass(frozen=True)
class Criterion:
    """A behavior that approaches are judged by.

    Attributes:
        behavior: its name.
        better: which way counts as better.
    """

    behavior: str
    better: Better

    def cost(self, table: pd.DataFrame) -> pd.Series:
        """The behavior's column, turned so that less is better."""
        return table[self.behavior] * (1.0 if self.better == "lower" else -1.0)


def by_seed(shards: dict[str, list[pd.DataFrame]]) -> Tables:
    """The measured models of each training, from those of an approach.

    Args:
        shards: approach -> tables of different behaviors with columns coalition (the number of a
            model, see `diffcredit.steps`), behavior, query, value and seconds_training.
    """
    tables: Tables = {}
    for approach, parts in shards.items():
        table = pd.concat(parts, ignore_index=True)
        seeds, steps = seed_and_step(table["coalition"].to_numpy())
        table = table.assign(step=steps)
        for seed in np.unique(seeds):
            tables[approach, int(seed)] = table[seeds == seed]
    return tables


def criteria(
    quality: str, forgetting: str, better: dict[str, Better]
) -> tuple[Criterion, Criterion]:
    """What is judged: a model that knows the removed images less has forgotten them better.

    Args:
        quality: behavior that should stay.
        forgetting: behavior of the removed images.
        better: behavior -> which values are good.
    """
    less: Better = "higher" if better[forgetting] == "lower" else "lower"
    return Criterion(quality, better[quality]), Criterion(forgetting, less)


def course(tables: Tables, confidence: float) -> pd.DataFrame:
    """How the behaviors of each approach go with the steps.

    Args:
        tables: (approach, training seed) -> table with columns step, behavior, query, value and
            seconds_training (those spent until the step).
        confidence: level of the intervals, in (0, 1).

    Returns:
        Columns approach, step, behavior, value, low, high, seeds, seconds: means over queries and
        then over training seeds, with Student's interval over seeds, NaN for one; seconds of
        training until the step. A value that is not finite makes its mean so. Where some seeds
        have stopped early, the others alone count: nobody knows where those would have gone, and
        column seeds says how many are left.
    """
    names = ["approach", "step", "behavior", "value", "low", "high", "seeds", "seconds"]
    rows = []
    for approach, of_approach in _by_seed(tables).groupby("approach", sort=False):
        in_order = of_approach.sort_values("step", kind="stable")
        for (step, behavior), part in in_order.groupby(["step", "behavior"], sort=False):
            found = mean_and_interval(part["value"].to_numpy(float), confidence)
            seconds = part["seconds_training"].mean()
            rows.append((approach, step, behavior, *found, len(part), seconds))
    return pd.DataFrame(rows, columns=names)


def verdict(
    tables: Tables,
    confidence: float,
    quality: Criterion,
    forgetting: Criterion,
    pretrained: str,
    retrained: str | None = None,
) -> pd.DataFrame:
    """What each approach has reached at its end: each training seed at its own last step.

    Args:
        tables: as of `course`, among them those of the yardsticks.
        confidence: level of the intervals, in (0, 1).
        quality: what should stay.
        forgetting: what tells of the deleted images.
        pretrained: approach that is the pretrained model.
        retrained: approach that is the retrained model; None where there is none.

    Returns:
        Columns approach, kind ("pretrained", "retrained" or "unlearned"), seeds, steps and seconds
        (means over seeds); for every behavior its mean and, named ``<behavior>_low`` and
        ``<behavior>_high``, the interval over seeds, NaN where the behavior was not measured at
        the end. Then

        - front: whether no unlearning approach is at least as good in both criteria and better in
          one. Equal ones are on it together; yardsticks, and what is not finite, never are;
        - forgotten: whether the mean of the forgetting is at least as good as the retrained
          model's; NA where one of the two is not known;
        - quality_change: (value - pretrained) / abs(pretrained) of the mean quality.

    Raises:
        UserError: if a yardstick or a criterion has not been measured.
    """
    ends = _ends(_by_seed(tables))
    _check(
        ends, [quality, forgetting], [pretrained] if retrained is None else [pretrained, retrained]
    )
    kinds = {pretrained: PRETRAINED, retrained: RETRAINED}
    rows = [
        {"approach": name, "kind": kinds.get(str(name), UNLEARNED), **_end(part, confidence)}
        for name, part in ends.groupby("approach", sort=False)
    ]
    table = pd.DataFrame(rows)
    costs = np.column_stack([quality.cost(table), forgetting.cost(table)])
    base = table.loc[table["kind"] == PRETRAINED, quality.behavior].item()
    return table.assign(
        front=pareto_front(np.where(table[["kind"]] == UNLEARNED, costs, np.nan)),
        forgotten=_forgotten(table, forgetting),
        quality_change=(table[quality.behavior] - base) / abs(base),
    )


def pareto_front(costs: np.ndarray) -> np.ndarray:
    """Who is not dominated: beaten in one cost by somebody who is no worse in the others.

    Args:
        costs: (n, k), less is better.

    Returns:
        (n,) bool; equal rows are on the front together, rows that are not finite never are.
    """
    finite = np.isfinite(costs).all(axis=1)
    others, own = costs[finite][:, None, :], costs[finite][None, :, :]
    dominated = ((others <= own).all(axis=-1) & (others < own).any(axis=-1)).any(axis=0)
    front = np.zeros(len(costs), dtype=bool)
    front[finite] = ~dominated
    return front


def _by_seed(tables: Tables) -> pd.DataFrame:
    """Columns approach, seed, step, behavior, value and seconds_training: means over queries."""
    parts = [table.assign(approach=name, seed=seed) for (name, seed), table in tables.items()]
    grouped = pd.concat(parts, ignore_index=True).groupby(
        ["approach", "seed", "step", "behavior"], sort=False
    )
    # Pandas' own mean would leave NaN out, as if a broken model had fewer queries.
    value = grouped["value"].agg(lambda values: values.to_numpy(float).mean())
    return (
        value.to_frame().assign(seconds_training=grouped["seconds_training"].mean()).reset_index()
    )


def _ends(measured: pd.DataFrame) -> pd.DataFrame:
    last = measured.groupby(["approach", "seed"])["step"].transform("max")
    return measured[measured["step"] == last]


def _end(part: pd.DataFrame, confidence: float) -> dict[str, float]:
    """Numbers of one approach from the rows of its seeds' last steps."""
    models = part.drop_duplicates("seed")
    row: dict[str, float] = {
        "seeds": len(models),
        "steps": models["step"].mean(),
        "seconds": models["seconds_training"].mean(),
    }
    for behavior, rows in part.groupby("behavior", sort=False):
        found = mean_and_interval(rows["value"].to_numpy(float), confidence)
        columns = (str(behavior), f"{behavior}_low", f"{behavior}_high")
        row |= dict(zip(columns, found, strict=True))
    return row


def _forgotten(table: pd.DataFrame, forgetting: Criterion) -> pd.Series:
    costs = forgetting.cost(table)
    bar = costs[table["kind"] == RETRAINED].mean()  # NaN where there is none
    known = costs.notna() & pd.notna(bar)
    return (costs <= bar).astype("boolean").where(known)


def _check(ends: pd.DataFrame, criteria: list[Criterion], yardsticks: list[str]) -> None:
    for column, asked in (
        ("approach", yardsticks),
        ("behavior", [criterion.behavior for criterion in criteria]),
    ):
        measured = list(dict.fromkeys(ends[column]))
        for name in asked:
            if name not in measured:
                raise UserError(f"{column} {name!r} was not measured; measured: {measured}")
