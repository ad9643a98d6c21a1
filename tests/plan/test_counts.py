"""How many shards there are, and which coalitions are in them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.config import load
from diffcredit.errors import UserError
from diffcredit.plan.counts import Counts

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def counts(**execution: Any) -> Counts:
    """Of 50 coalitions for sft and 16 for retraining, of which retraining has two seeds."""
    overlay = {
        "execution": {"shard_size": 4, **execution},
        "coalitions": {"shapley": {"count": 50}, "datamodel": {"count": 16}},
    }
    return Counts(load(overlaid(DEFAULT, overlay)))


@pytest.mark.parametrize(("size", "shards"), [(4, 13), (8, 7), (20, 3), (48, 2), (52, 1), (100, 1)])
def test_shards_of_an_approach(size: int, shards: int) -> None:
    """Together they have each coalition once, whatever the tables of coalitions."""
    found = counts(shard_sizes={"sft": size})
    assert found.shards("shapley") == 13
    assert found.shards("shapley", "sft") == shards
    assert found.shards_of_models("shapley", 13, "sft") == shards
    numbers = [found.numbers("shapley", shard, "sft") for shard in range(shards)]
    assert [n for first, end in numbers for n in range(first, end)] == list(range(50))
    tables = [table for s in range(shards) for table in found.tables("shapley", s, "sft")]
    assert tables == list(range(13))
    for shard, (first, end) in enumerate(numbers):
        own = [found.numbers("shapley", table) for table in found.tables("shapley", shard, "sft")]
        assert (own[0][0], own[-1][1]) == (first, end)


def test_other_approaches_keep_their_size() -> None:
    assert counts(shard_sizes={"sft": 20}).shards("datamodel", "retrain") == 4


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"sft": 6}, "execution.shard_sizes.sft = 6: must be a multiple .* = 4, such as 4"),
        ({"sft": 3}, "must be a multiple of execution.shard_size = 4, such as 4"),
        ({"sft": 11}, "such as 8"),
        ({"stf": 8}, "execution.shard_sizes = 'stf': must be one of: sft, retrain.*sft"),
        ({"sft": 0}, "execution.shard_sizes.sft = 0"),
        ({"sft": "many"}, "execution.shard_sizes.sft = 'many'"),
    ],
)
def test_impossible_sizes_are_told(sizes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        counts(shard_sizes=sizes)


def test_shards_that_are_added_until_enough_have_one_size() -> None:
    until = {"attribution": "datamodel", "behavior": "fid", "standard_error": 1.0}
    overlay = {
        "execution": {"shard_size": 4, "shard_sizes": {"sft": 8}},
        "coalitions": {"shapley": {"count": 50, "until": until}},
    }
    with pytest.raises(UserError, match="grow until enough, a shard at a time; must be 4"):
        load(overlaid(DEFAULT, overlay))
