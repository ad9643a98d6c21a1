"""Evaluation of unlearning: how far each approach forgets, and the loss of quality.

Each approach is measured every few steps, by several training seeds. There are two reference
models: the pretrained model, with all images, and a model retrained without the removed images.
Forgetting and quality have no common unit, so approaches are compared by their Pareto front
(Alberti et al. 2025, arXiv 2503.01034). An approach that has not forgotten is never on the front,
however good its images are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from diffcredit.errors import UserError
from diffcredit.evaluation.intervals import mean_and_interval

PRETRAINED, RETRAINED, UNLEARNED = "pretrained", "retrained", "unlearned"

Better = Literal["lower", "higher"]

#: Outcomes of an approach. Only approaches that have significantly forgotten are on the front.
FORGOTTEN, PARTLY, UNCLEAR, NOT_FORGOTTEN = "forgotten", "partly", "unclear", "not forgotten"
NOTHING, UNKNOWN = "nothing to forget", "unknown"
ON_FRONT = (FORGOTTEN, PARTLY)

#: (approach, training seed) -> table of its behaviors.
Tables = dict[tuple[str, int], pd.DataFrame]


@dataclass(frozen=True)
class Criterion:
    """A behavior that approaches are judged by.

    Attributes:
        behavior: its name.
        better: which values are better.
    """

    behavior: str
    better: Better

    def cost(self, table: pd.DataFrame) -> pd.Series:
        """The behavior's column, with a sign such that lower is better."""
        return table[self.behavior] * (1.0 if self.better == "lower" else -1.0)


def by_seed(shards: Iterable[tuple[str, pd.DataFrame]]) -> Tables:
    """The measured models of each training.

    Args:
        shards: an approach, and a table of some behaviors of some of its trainings, with columns
            training_seed, step, behavior, query, value and seconds_training.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for approach, shard in shards:
        parts.setdefault(approach, []).append(shard)
    tables: Tables = {}
    for approach, found in parts.items():
        table = pd.concat(found, ignore_index=True)
        for seed in sorted(table["training_seed"].unique()):
            tables[approach, int(seed)] = table[table["training_seed"] == seed]
    return tables


def criteria(
    quality: str, forgetting: str, better: dict[str, Better]
) -> tuple[Criterion, Criterion]:
    """The two criteria: quality, and forgetting, where worse behavior on removed images is better.

    Args:
        quality: behavior that should be preserved.
        forgetting: behavior of the removed images.
        better: behavior -> which values are good.
    """
    less: Better = "higher" if better[forgetting] == "lower" else "lower"
    return Criterion(quality, better[quality]), Criterion(forgetting, less)


def curves(tables: Tables, confidence: float) -> pd.DataFrame:
    """The behaviors of each approach as functions of the training step.

    Args:
        tables: (approach, training seed) -> table with columns step, behavior, query, value and
            seconds_training (those spent until the step).
        confidence: level of the intervals, in (0, 1).

    Returns:
        Columns approach, step, behavior, value, low, high, seeds, seconds: means over queries and
        then over training seeds, with Student's interval over seeds, NaN for one; seconds of
        training until the step. The mean of values that are not all finite is not finite. After
        some seeds have stopped early, means are over the remaining seeds; column seeds has their
        number.
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


def outcomes(
    tables: Tables,
    confidence: float,
    quality: Criterion,
    forgetting: Criterion,
    pretrained: str,
    retrained: str | None = None,
) -> pd.DataFrame:
    """Compare the approaches at their ends: each training seed at its own last step.

    Args:
        tables: as in `curves`, with the reference models.
        confidence: level of the intervals, in (0, 1).
        quality: criterion of quality.
        forgetting: criterion of forgetting.
        pretrained: approach that is the pretrained model.
        retrained: approach that is the retrained model; None where there is none.

    Returns:
        Columns approach, kind ("pretrained", "retrained" or "unlearned"), seeds, steps and seconds
        (means over seeds); for every behavior its mean and, named ``<behavior>_low`` and
        ``<behavior>_high``, the interval over seeds, NaN where the behavior was not measured at
        the end. Then

        - front: whether the approach is on the Pareto front: no other approach that has forgotten
          is at least as good in both criteria and better in one. Equal approaches are on it
          together. Reference models, values that are not finite, and approaches that have not
          forgotten never are;
        - forgotten: whether mean forgetting is at least as good as the retrained model's, and
          better than the pretrained model's; NA if one of these is unknown;
        - outcome: "forgotten" (as far as the retrained model), "partly" (significantly further than
          the pretrained model), "unclear" (the interval includes the pretrained model), "not
          forgotten" (no further than the pretrained model), "nothing to forget" (the pretrained
          model knows the images no better than the retrained model), "unknown" (not finite, or not
          measured); empty for reference models;
        - explanation: the outcome in a sentence, with the numbers;
        - quality_change: (value - pretrained) / abs(pretrained) for the mean quality.

    Raises:
        UserError: if a reference model or a criterion has not been measured.
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
    found = _outcomes(table, forgetting)
    judged = [outcome in ON_FRONT for outcome, _ in found]
    return table.assign(
        front=pareto_front(np.where(np.array(judged)[:, None], costs, np.nan)),
        forgotten=_forgotten(table, forgetting),
        outcome=[outcome for outcome, _ in found],
        explanation=[explanation for _, explanation in found],
        quality_change=(table[quality.behavior] - base) / abs(base),
    )


def pareto_front(costs: np.ndarray) -> np.ndarray:
    """The rows that no other row dominates: better in one cost and no worse in the others.

    Args:
        costs: (n, k), less is better.

    Returns:
        (n,) bool; equal rows are on the front together, rows that are not finite are never on it.
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
    # The mean of pandas skips NaN, as if a broken model had fewer queries.
    value = grouped["value"].agg(lambda values: values.to_numpy(float).mean())
    return (
        value.to_frame().assign(seconds_training=grouped["seconds_training"].mean()).reset_index()
    )


def _ends(measured: pd.DataFrame) -> pd.DataFrame:
    last = measured.groupby(["approach", "seed"])["step"].transform("max")
    return measured[measured["step"] == last]


def _end(part: pd.DataFrame, confidence: float) -> dict[str, float]:
    """The numbers of one approach, from the rows of its seeds' last steps."""
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
    bar, start = _yardstick(table, costs, RETRAINED), _yardstick(table, costs, PRETRAINED)
    known = costs.notna() & pd.notna(bar) & pd.notna(start)
    moved = (costs < start) | (table["kind"] == RETRAINED)
    return ((costs <= bar) & moved).astype("boolean").where(known)


def _yardstick(table: pd.DataFrame, costs: pd.Series, kind: str) -> float:
    """The cost of a reference model; NaN if there is none."""
    return float(costs[table["kind"] == kind].mean())


def _outcomes(table: pd.DataFrame, forgetting: Criterion) -> list[tuple[str, str]]:
    """Outcome and explanation of each row; empty texts for the reference models."""
    name, costs = forgetting.behavior, forgetting.cost(table)
    # The end of the interval on the side of the pretrained model.
    end = f"{name}_high" if forgetting.better == "lower" else f"{name}_low"
    worst = Criterion(end, forgetting.better).cost(table)
    retrained = _yardstick(table, costs, RETRAINED)
    pretrained = _yardstick(table, costs, PRETRAINED)
    sign = 1.0 if forgetting.better == "lower" else -1.0
    return [
        _outcome(name, sign, pretrained, retrained, cost, far) if kind == UNLEARNED else ("", "")
        for kind, cost, far in zip(table["kind"], costs, worst, strict=True)
    ]


def _told_apart(first: float, second: float) -> tuple[str, str]:
    """Format two values with enough digits, 3 or more, to distinguish them."""
    pairs = ((f"{first:.{digits}g}", f"{second:.{digits}g}") for digits in range(3, 17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (f"{first:.3g}", f"{second:.3g}"))


def _outcome(
    name: str, sign: float, pretrained: float, retrained: float, cost: float, worst: float
) -> tuple[str, str]:
    """Outcome and explanation of an approach.

    Args:
        name: of the behavior of forgetting.
        sign: turns a cost, where lower means more forgotten, into a value of the behavior.
        pretrained: cost of the pretrained model.
        retrained: cost of the retrained model; NaN if there is none.
        cost: mean cost of the approach.
        worst: end of the interval on the side of the pretrained model; NaN without an interval.
    """
    if not (np.isfinite(cost) and np.isfinite(pretrained)):
        return UNKNOWN, f"unknown: {name} is {sign * cost:.3g}"
    way = "stayed" if cost == pretrained else "rose" if sign * (cost - pretrained) > 0 else "fell"
    begin, end = _told_apart(sign * pretrained, sign * cost)
    moved = f"{name} {way} from {begin} to {end}"
    if cost == pretrained:
        moved = f"{name} stayed at {sign * cost:.3g}"
    wanted = "fall" if sign > 0 else "rise"
    if pretrained <= retrained:
        return NOTHING, (
            f"nothing to forget: the pretrained model knows the images no better than the "
            f"retrained one ({name} {sign * pretrained:.3g} and {sign * retrained:.3g})"
        )
    if cost >= pretrained:
        return NOT_FORGOTTEN, f"not forgotten: {moved}; it should {wanted}"
    if worst >= pretrained:
        return UNCLEAR, (
            f"unclear: {moved}, but the interval over training seeds reaches back to the "
            "pretrained model"
        )
    if np.isnan(retrained):
        return PARTLY, (
            f"partly: {moved}; how far is far enough, only a retrained model tells "
            "(unlearning.retrain)"
        )
    if cost <= retrained:
        return FORGOTTEN, (
            f"forgotten: {moved}, as far as the retrained model ({sign * retrained:.3g})"
        )
    share = (pretrained - cost) / (pretrained - retrained)
    return PARTLY, (
        f"partly: {moved}, {share:.0%} of the way to the retrained model ({sign * retrained:.3g})"
    )


def _check(ends: pd.DataFrame, criteria: list[Criterion], yardsticks: list[str]) -> None:
    for column, required in (
        ("approach", yardsticks),
        ("behavior", [criterion.behavior for criterion in criteria]),
    ):
        measured = list(dict.fromkeys(ends[column]))
        for name in required:
            if name not in measured:
                raise UserError(f"{column} {name!r} was not measured; measured: {measured}")
