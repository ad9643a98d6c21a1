"""Behaviors recorded elsewhere are attributed and evaluated without training."""

import json

import numpy as np
import pandas as pd
from copied_workflow import Workflow

#: No two coalitions are worth the same.
WORTH = 2.0 ** np.arange(8) * [1, -1, 1, 1, -1, 1, -1, 1]
TABLES = {
    "shapley": ("gd", {"distribution": "shapley"}, 24),
    "full": ("retrain", {"distribution": "full"}, 2),
    "none": ("retrain", {"distribution": "none"}, 2),
    "datamodel": ("retrain", {"distribution": "datamodel", "alpha": 0.5}, 20),
}


def write_records(workflow: Workflow) -> None:
    """An additive game in the published format."""
    rng = np.random.default_rng(0)
    sizes = {"shapley": lambda: rng.integers(1, 8), "full": lambda: 8, "none": lambda: 0}
    lines = []
    for name, (method, _, count) in TABLES.items():
        for seed in range(count):
            kept = rng.choice(8, sizes.get(name, lambda: 4)(), replace=False)
            record = {
                "remaining_idx": sorted(map(int, kept)),
                "removed_idx": sorted(set(range(8)) - set(map(int, kept))),
                "removal_dist": name,
                "removal_seed": seed,
                "method": method,
                "fid_value": 100 + WORTH[kept].sum(),
            }
            lines.append(json.dumps(record))
    (workflow.folder / "behaviors.jsonl").write_text("\n".join(lines) + "\n")


def overlay() -> dict:
    return {
        "experiment": "recorded",
        "records": {
            "contributors": 8,
            "behaviors": ["fid_value"],
            "tables": {
                name: {
                    "path": "behaviors.jsonl",
                    "where": {"method": method, "removal_dist": name},
                    "drawn": drawn,
                }
                for name, (method, drawn, _) in TABLES.items()
            },
        },
        "attributions": {
            "exact": {
                "method": "shapley_constrained",
                "values": "records/shapley",
                "full": "records/full",
                "none": "records/none",
            }
        },
        "evaluation": {"lds": {"truth": "records/datamodel", "resamples": 100}},
    }


def test_recorded_game_is_solved_without_models(workflow: Workflow) -> None:
    write_records(workflow)
    workflow.overlay = overlay()
    assert not {"data", "full", "subsets", "samples", "score"} & set(workflow.planned())
    done = workflow.run()
    assert done.returncode == 0, done.stderr
    values = pd.read_parquet(workflow.run_folder / "attributions/exact.parquet")["value"]
    np.testing.assert_allclose(values, WORTH, atol=1e-8)
    lds = pd.read_parquet(workflow.run_folder / "evaluation/lds.parquet")
    assert lds.set_index("predictor")["lds"]["exact"] == 1
    assert workflow.planned() == {}


def test_warnings_are_those_of_this_configuration(workflow: Workflow) -> None:
    """They last over runs; a job that runs again, or belongs no more, takes its own away."""
    write_records(workflow)
    workflow.overlay = overlay()
    entry = workflow.overlay["attributions"]["exact"]
    workflow.overlay["attributions"]["other"] = entry | {"method": "shapley_ridge"}
    unknown = "which way is better is unknown of fid_value"
    path = workflow.run_folder / "evaluation/warnings.txt"
    done = workflow.run()
    assert f"attribution exact and 1 more job: {unknown}" in done.stdout
    assert path.read_text() in done.stdout
    del workflow.overlay["attributions"]["other"]
    assert "attribution" not in workflow.planned()
    assert f"attribution exact: {unknown}" in workflow.run().stdout
    workflow.overlay["records"]["better"] = {"fid_value": "lower"}
    assert unknown not in workflow.run().stdout
    assert unknown not in path.read_text()
    table = pd.read_parquet(workflow.run_folder / "attributions/exact.parquet")
    np.testing.assert_allclose(table["credit"], -WORTH, atol=1e-8)
    # Rank 1 helped most: it lowers the FID most.
    assert table.set_index("rank")["contributor"][1] == np.argmin(WORTH)


def test_wrong_record_stops_the_run_with_its_line(workflow: Workflow) -> None:
    write_records(workflow)
    path = workflow.folder / "behaviors.jsonl"
    wrong = {"method": "gd", "removal_dist": "shapley", "remaining_idx": [99]}
    path.write_text(path.read_text() + json.dumps(wrong) + "\n")
    workflow.overlay = overlay() | {"experiment": "broken"}
    done = workflow.run("attributions")
    assert done.returncode == 1
    assert "record 49" in done.stderr
    assert "Traceback" not in done.stderr
