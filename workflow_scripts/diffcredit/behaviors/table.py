"""The table of behaviors that attributions and evaluations read; imports no torch."""

import numpy as np
import pandas as pd

from diffcredit.errors import UserError

COSTS = ["seconds_training", "seconds_sampling", "seconds_scoring"]


def model_rows(
    coalition: int, values: dict[str, np.ndarray], seconds: dict[str, float]
) -> pd.DataFrame:
    """The rows of one model: (queries,) values of each behavior, and the costs of the model."""
    counts = [len(found) for found in values.values()]
    return pd.DataFrame(
        {
            "coalition": coalition,
            "behavior": np.repeat(list(values), counts),
            "query": np.concatenate([np.arange(count) for count in counts]),
            "value": np.concatenate(list(values.values())),
            **seconds,
        }
    )


def gather(
    shards: list[pd.DataFrame], replicates: list[int], coalitions: list[pd.DataFrame]
) -> pd.DataFrame:
    """The table of all shards, with the mask of each coalition and its training seed's number.

    A shard may come in several tables, of different behaviors: their scoring costs add up.

    Raises:
        UserError: if a model or one of its behaviors is missing, or its coalition is unknown.
    """
    parts = [
        shard.assign(replicate=replicate, part=part)
        for part, (shard, replicate) in enumerate(zip(shards, replicates, strict=True))
    ]
    table = _with_common_costs(pd.concat(parts, ignore_index=True))
    table = table.merge(
        pd.concat(coalitions)[["index", "pair", "mask"]].rename(columns={"index": "coalition"}),
        on="coalition",
        how="left",
        validate="many_to_one",
    )
    if table["mask"].isna().any():
        raise UserError("behaviors name coalitions that are not in the table of coalitions")
    _check_complete(table, pd.concat(coalitions)["index"], replicates)
    order = ["coalition", "replicate", "pair", "mask", "behavior", "query", "value", *COSTS]
    return table[order].sort_values(["replicate", "coalition"], kind="stable", ignore_index=True)


def _check_complete(table: pd.DataFrame, coalitions: pd.Series, replicates: list[int]) -> None:
    """Check that every coalition and training seed has every behavior."""
    wanted = pd.MultiIndex.from_product(
        [sorted(set(replicates)), coalitions.unique(), table["behavior"].unique()]
    )
    missing = wanted.difference(
        pd.MultiIndex.from_frame(table[["replicate", "coalition", "behavior"]])
    )
    if len(missing):
        replicate, coalition, behavior = missing[0]
        raise UserError(
            f"{len(missing)} of {len(wanted)} values are missing, first: {behavior} of coalition "
            f"{coalition}, training seed {replicate}\n"
            "    Hint: delete the table of behaviors of its shard and run the same command again"
        )


def _with_common_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Set the costs of every row of a model to its total costs over all parts."""
    model = ["replicate", "coalition"]
    told = table.drop_duplicates([*model, "part"])
    how = dict(zip(COSTS, ("max", "max", "sum"), strict=True))
    costs = told.groupby(model, as_index=False).agg(how)
    return table.drop(columns=[*COSTS, "part"]).merge(costs, on=model)


def pivot(behaviors: pd.DataFrame) -> pd.DataFrame:
    """Rows (coalition, replicate), columns (behavior, query) in the table's order: the value.

    Raises:
        UserError: if a value is missing or not finite.
    """
    wide = behaviors.pivot(
        index=["coalition", "replicate"], columns=["behavior", "query"], values="value"
    )
    wide = wide[list(dict.fromkeys(zip(behaviors["behavior"], behaviors["query"], strict=True)))]
    if not np.isfinite(wide.to_numpy()).all():
        bad = wide.index[~np.isfinite(wide.to_numpy()).all(axis=1)][0]
        raise UserError(
            f"behaviors of coalition {bad[0]}, training seed {bad[1]} are not finite\n"
            "    Hint: its samples may be broken; look at the log of its shard"
        )
    return wide


def masks_of(behaviors: pd.DataFrame) -> np.ndarray:
    """(m, N) masks in the order of the rows of `pivot`."""
    return np.stack(list(_models(behaviors)["mask"])).astype(bool)


def clusters_of(behaviors: pd.DataFrame) -> np.ndarray:
    """(m,) pair numbers in the order of the rows of `pivot`."""
    return _models(behaviors)["pair"].to_numpy()


def _models(behaviors: pd.DataFrame) -> pd.DataFrame:
    """One row for each model, in the order of the rows of `pivot`."""
    key = ["coalition", "replicate"]
    return behaviors.drop_duplicates(key).sort_values(key)
