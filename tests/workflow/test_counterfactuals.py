"""The contributors that attributions name are taken out, and models of what is left are made."""

import shutil
from pathlib import Path

import pandas as pd
from copied_workflow import Workflow
from overlays import overlaid

SETTINGS = {
    "approach": "retrain",
    "full": "retrain/full",
    "attributions": ["datamodel"],
    "behaviors": ["fid"],
    "fractions": [0.2, 0.5],
    "random": 2,
    "seeds": 2,
}


def test_counterfactuals_of_a_finished_run(finished: Workflow, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    overlay = overlaid(finished.overlay, {"evaluation": {"counterfactual": SETTINGS}})
    workflow = Workflow(tmp_path / "copy", overlay)
    planned = workflow.planned()
    # A shard for the attribution and one for random removals, each with two training seeds.
    assert planned["counterfactual_coalitions"] == 2
    assert planned["subsets retrain"] == 4
    assert "subsets sft" not in planned
    assert "attribution" not in planned
    done = workflow.run()
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(workflow.run_folder / "evaluation/counterfactual.parquet")
    assert list(table["action"]) == [
        *("remove top", "remove top", "remove bottom", "remove bottom", "keep top", "keep top"),
        *("remove random", "remove random"),
    ]
    assert list(table["models"]) == [2] * 6 + [4] * 2
    assert table["change"].notna().all()
    assert (workflow.run_folder / "figures/counterfactual.svg").exists()
    assert workflow.planned() == {}
