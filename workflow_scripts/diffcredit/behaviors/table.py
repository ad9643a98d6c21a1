"""The tables of behaviors that attributions and evaluations read; imports no torch.

Three tables describe the measured models of an approach and a removal distribution: a row for each
model, a row for each of its values, and a row for each coalition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from diffcredit.errors import UserError
from diffcredit.files import read_table, write_table

COSTS = ["seconds_training", "seconds_sampling", "seconds_scoring"]
#: Columns that identify a model of an approach and a distribution.
MODEL = ["coalition", "training_seed", "step"]
#: Columns of the table of models.
MODELS = ["model", "approach", "distribution", *MODEL, *COSTS]


@dataclass(frozen=True)
class Behaviors:
    """Behaviors of all models of an approach and a removal distribution.

    Attributes:
        models: columns model (its number in these tables), approach, distribution, coalition,
            training_seed, step (number of steps of its training), and the seconds of its training,
            sampling and scoring. One row for each model, sorted by training seed and coalition.
        values: columns model, behavior, query (0 for a global behavior) and value.
        coalitions: columns index, pair and mask. Rows of one pair (a coalition and its complement)
            are one draw.
    """

    models: pd.DataFrame
    values: pd.DataFrame
    coalitions: pd.DataFrame

    def of_behavior(self, name: str) -> Behaviors:
        """The values of one behavior."""
        return replace(self, values=self.values[self.values["behavior"] == name])

    def of_models(self, chosen: pd.Series) -> Behaviors:
        """Some of the models: those with True in ``chosen``, in the order of `models`."""
        models = self.models[chosen]
        values = self.values[self.values["model"].isin(models["model"])]
        return replace(self, models=models, values=values)

    @property
    def names(self) -> list[str]:
        """Names of the behaviors, in the order of the values."""
        return list(self.values["behavior"].unique())

    @property
    def contributors(self) -> int:
        """Number of contributors."""
        return len(self.coalitions["mask"].iloc[0])

    @property
    def seconds(self) -> float:
        """Seconds of training, sampling and scoring of all models; NaN where unknown."""
        return float(self.models[COSTS].to_numpy().sum())

    def by_model(self) -> pd.DataFrame:
        """The values with the coalition and the training seed of their models."""
        return self.values.merge(self.models[["model", "coalition", "training_seed"]], on="model")


def read(paths: Sequence[str | Path]) -> Behaviors:
    """Read the files of the three tables, in the order in which `write` is given their paths."""
    models, values, coalitions = map(read_table, paths)
    return Behaviors(models, values, coalitions)


def read_each(paths: Sequence[str | Path]) -> list[Behaviors]:
    """Behaviors from a flat list of paths, three for each as `read` takes them."""
    return [read(paths[first : first + 3]) for first in range(0, len(paths), 3)]


def write(behaviors: Behaviors, paths: Sequence[str | Path]) -> None:
    """Write the tables of models, values and coalitions to three files."""
    for table, path in zip(
        (behaviors.models, behaviors.values, behaviors.coalitions), paths, strict=True
    ):
        write_table(table, path)


def model_rows(
    model: Mapping[str, int | None], values: Mapping[str, np.ndarray], seconds: Mapping[str, float]
) -> pd.DataFrame:
    """The rows of one model in the table of a shard.

    Args:
        model: its coalition (None for a model of no coalition), training_seed and step.
        values: behavior -> (queries,) values.
        seconds: of training, sampling and scoring.
    """
    counts = [len(found) for found in values.values()]
    facts = {key: pd.array([model[key]] * sum(counts), dtype="Int64") for key in MODEL}
    return pd.DataFrame(
        {
            **facts,
            "behavior": np.repeat(list(values), counts),
            "query": np.concatenate([np.arange(count) for count in counts]),
            "value": np.concatenate(list(values.values())),
            **seconds,
        }
    )


def gather(
    shards: Sequence[pd.DataFrame],
    coalitions: Sequence[pd.DataFrame],
    approach: str,
    distribution: str,
    training_seeds: int,
) -> Behaviors:
    """The tables of all shards of an approach and a removal distribution.

    A shard may come in several tables, of different behaviors: their scoring costs add up.

    Args:
        shards: rows as of `model_rows`.
        coalitions: all coalitions, in one or more tables.
        approach: of the models.
        distribution: of the coalitions.
        training_seeds: number of training seeds of each coalition.

    Raises:
        UserError: if a model or one of its behaviors is missing, or its coalition is unknown.
    """
    drawn = pd.concat(coalitions)[["index", "pair", "mask"]]
    numbered = [shard.astype(dict.fromkeys(MODEL, int)) for shard in shards]
    rows = pd.concat(numbered, ignore_index=True)
    if not rows["coalition"].isin(drawn["index"]).all():
        raise UserError("behaviors name coalitions that are not in the table of coalitions")
    _check_complete(rows, drawn["index"], training_seeds)
    models = _models(numbered).assign(approach=approach, distribution=distribution)
    values = rows.merge(models[["model", *MODEL]], on=MODEL, how="left", validate="many_to_one")
    values = values[["model", "behavior", "query", "value"]]
    return Behaviors(
        models[MODELS],
        values.sort_values("model", kind="stable", ignore_index=True),
        drawn.sort_values("index", ignore_index=True),
    )


def _models(shards: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One row for each model, with its costs in all tables."""
    told = pd.concat([shard.drop_duplicates(MODEL) for shard in shards])[[*MODEL, *COSTS]]
    how = dict(zip(COSTS, ("max", "max", "sum"), strict=True))
    key = ["training_seed", "coalition", "step"]
    models = told.groupby(key, as_index=False).agg(how)
    return models.assign(model=np.arange(len(models)))


def _check_complete(rows: pd.DataFrame, coalitions: pd.Series, training_seeds: int) -> None:
    """Check that every coalition and training seed has every behavior."""
    wanted = pd.MultiIndex.from_product(
        [range(training_seeds), coalitions.unique(), rows["behavior"].unique()]
    )
    missing = wanted.difference(
        pd.MultiIndex.from_frame(rows[["training_seed", "coalition", "behavior"]])
    )
    if len(missing):
        training_seed, coalition, behavior = missing[0]
        raise UserError(
            f"{len(missing)} of {len(wanted)} values are missing, first: {behavior} of coalition "
            f"{coalition}, training seed {training_seed}\n"
            "    Hint: delete the table of behaviors of its shard and run the same command again"
        )


def pivot(behaviors: Behaviors) -> pd.DataFrame:
    """Rows (coalition, training_seed), columns (behavior, query) in the table's order: the value.

    Raises:
        UserError: if a value is missing or not finite.
    """
    values = behaviors.by_model()
    wide = values.pivot(
        index=["coalition", "training_seed"], columns=["behavior", "query"], values="value"
    )
    wide = wide[list(dict.fromkeys(zip(values["behavior"], values["query"], strict=True)))]
    if not np.isfinite(wide.to_numpy()).all():
        bad = wide.index[~np.isfinite(wide.to_numpy()).all(axis=1)][0]
        raise UserError(
            f"behaviors of coalition {bad[0]}, training seed {bad[1]} are not finite\n"
            "    Hint: its samples may be broken; look at the log of its shard"
        )
    return wide


def masks_of(behaviors: Behaviors) -> np.ndarray:
    """(m, N) masks in the order of the rows of `pivot`."""
    return np.stack(list(_coalitions_of_models(behaviors)["mask"])).astype(bool)


def pairs_of(behaviors: Behaviors) -> np.ndarray:
    """(m,) pair numbers in the order of the rows of `pivot`."""
    return _coalitions_of_models(behaviors)["pair"].to_numpy()


def _coalitions_of_models(behaviors: Behaviors) -> pd.DataFrame:
    """The coalition of each model, in the order of the rows of `pivot`."""
    models = behaviors.models.sort_values(["coalition", "training_seed"])
    return behaviors.coalitions.set_index("index").loc[models["coalition"]]
