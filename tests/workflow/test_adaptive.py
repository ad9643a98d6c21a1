"""Coalitions are added shard by shard until they are enough, or the budget is spent."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from copied_workflow import Workflow
from overlays import overlaid


def until(count: int, **asked: float) -> dict:
    entry = {"count": count, "until": {"attribution": "datamodel", "behavior": "fid", **asked}}
    return {"coalitions": {"shapley": entry}}


@pytest.mark.parametrize(
    ("asked", "coalitions", "enough"),
    [({"standard_error": 1e9}, 4, True), ({"standard_error": 1e-12, "stability": 1.0}, 12, False)],
)
def test_enough_or_the_budget(
    finished: Workflow, tmp_path: Path, asked: dict[str, float], coalitions: int, enough: bool
) -> None:
    """The finished run made 8; shards are of 4."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    workflow = Workflow(tmp_path / "copy", overlaid(finished.overlay, until(12, **asked)))
    done = workflow.run()
    assert done.returncode == 0, done.stderr
    folder = workflow.run_folder / "coalitions/shapley"
    last = json.loads((folder / f"enough-{coalitions // 4}.json").read_text())
    assert (last["coalitions"], last["enough"]) == (coalitions, enough)
    assert not (folder / f"enough-{coalitions // 4 + 1}.json").exists()
    assert f"shapley: {coalitions} coalitions" in done.stdout
    models = pd.read_parquet(workflow.run_folder / "behaviors/sft/shapley.models.parquet")
    assert models["coalition"].nunique() == coalitions
    assert workflow.planned() == {}
