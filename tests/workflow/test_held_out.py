"""Images of two classes, some held out: what is trained on, and how models denoise the others."""

import numpy as np
import pandas as pd
from copied_workflow import Workflow
from overlays import overlaid

KEYS = {"concentration": 5.0, "labels": [1, 7], "images": 60, "held_out": 9}
LOSS = {"measure": {"name": "denoising_loss", "images": "held_out", "queries": 8, "noises": 2}}


def test_images_held_out_are_queries_and_nobodys(workflow: Workflow) -> None:
    workflow.overlay = overlaid(workflow.overlay, {"data": KEYS, "behaviors": {"loss": LOSS}})
    target = "results/tiny/behaviors/retrain/full.parquet"
    done = workflow.run(target)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = {
        name: pd.read_parquet(workflow.run_folder / f"data/{name}.parquet")
        for name in ("train", "reference", "held_out")
    }
    assert {name: len(table) for name, table in tables.items()} == {
        "train": 60,
        "reference": 60,
        "held_out": 9,
    }
    assert not set(tables["reference"]["image"]) & set(tables["held_out"]["image"])
    assert (tables["held_out"]["contributor"] == -1).all()
    assert (tables["held_out"]["split"] == "held_out").all()
    for table in tables.values():
        assert set(table["label"]) == {0, 1}
    spoiled = (tables["train"]["image"] != tables["reference"]["image"]).to_numpy()
    planted = pd.read_parquet(workflow.run_folder / "data/planted.parquet")["contributor"]
    np.testing.assert_array_equal(spoiled, tables["train"]["contributor"].isin(planted))
    behaviors = pd.read_parquet(workflow.folder / target)
    losses = behaviors[behaviors["behavior"] == "loss"]
    assert sorted(losses["query"].unique()) == list(range(8))
    assert np.isfinite(behaviors["value"]).all()
