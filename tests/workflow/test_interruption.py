"""A run that is killed goes on where it stopped, and ends with the same numbers."""

from pathlib import Path

import pandas as pd
from copied_workflow import Workflow, kill_when
from overlays import overlaid

#: The models stay, so that it shows which of them were made twice.
KEPT = {"execution": {"keep": {"models": True}}}


def tables(workflow: Workflow) -> dict[str, pd.DataFrame]:
    """Everything that is measured and computed, without the seconds that it took."""
    patterns = ["behaviors/*/*.parquet", "attributions/*.parquet", "evaluation/*.parquet"]
    # Which coalitions equal compute pays for depends on the seconds that they took.
    paths = [
        path
        for pattern in patterns
        for path in workflow.run_folder.glob(pattern)
        if path.stem != "equal_compute"
    ]
    found = {str(p.relative_to(workflow.run_folder)): pd.read_parquet(p) for p in paths}
    return {
        name: table[[c for c in table.columns if not c.startswith("seconds")]]
        for name, table in sorted(found.items())
    }


def test_killed_run_continues_to_the_same_numbers(workflow: Workflow, finished: Workflow) -> None:
    workflow.overlay = overlaid(workflow.overlay, KEPT)
    run = workflow.run_folder

    checkpoint = run / "models/full.checkpoint.safetensors"
    kill_when(workflow, checkpoint.exists, "models")
    assert not (run / "models/full").exists()
    assert workflow.run("--unlock").returncode == 0

    shard = run / "subsets/retrain/datamodel/0-0"
    first = "000000/weights.safetensors"
    made_one = (shard.with_name("0-0.partial") / first).exists
    # Asked for alone, as the jobs of a whole run come in no certain order.
    kill_when(workflow, made_one, str(shard.relative_to(workflow.folder)))
    assert not shard.exists()
    made = (shard.with_name("0-0.partial") / first).stat()
    assert workflow.run("--unlock").returncode == 0

    # Figures are no tables, and take a minute.
    done = workflow.run("evaluation")
    assert done.returncode == 0, done.stdout + done.stderr
    again = (shard / first).stat()
    assert (again.st_mtime_ns, again.st_ino) == (made.st_mtime_ns, made.st_ino)
    assert no_leftovers(run) == []

    expected, found = tables(finished), tables(workflow)
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True, obj=name)


def no_leftovers(run: Path) -> list[Path]:
    return [
        p
        for p in run.rglob("*")
        if p.name.endswith((".part", ".partial")) or "checkpoint" in p.name
    ]
