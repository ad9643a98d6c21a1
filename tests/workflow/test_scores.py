"""Attributions by scores of images in the tiny run: made, evaluated, and made again when due."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from copied_workflow import Workflow
from overlays import overlaid

LOSS = {"behaviors": ["generated_loss"]}
GRID = {"damping": [0.01, 1.0, 100.0], "chosen_on": "retrain/choosing"}
SCORES = {
    "das": {"method": "das", "gradients": "grads", **LOSS, **GRID, "groups": "mean"},
    "journey": {"method": "journey_trak", "gradients": "grads", **LOSS, "damping": 1.0},
    "tracin": {"method": "tracin", "gradients": "grads", **LOSS},
    "ekfac": {"method": "ekfac", "gradients": "one_level", **LOSS, "damping": 1e-3},
    "pixels": {"method": "cosine", "extractor": "pixels", **LOSS},
    "patches": {
        "method": {"name": "patches", "scales": [{"size": 3}], "timesteps": [40]},
        **LOSS,
    },
}
#: Laid over the tiny run: a loss of generated images, and few retrained models to measure it on.
OVERLAY = {
    "coalitions": {"few": None, "choosing": {"distribution": "datamodel", "count": 4}},
    "approaches": {
        **dict.fromkeys(["sft", "siss"]),
        "retrain": {"coalitions": {"datamodel": 1, "choosing": 1, "full": None, "none": None}},
    },
    "behaviors": dict.fromkeys(["fid", "log_fid", "inception_score", "entropy"])
    | {"generated_loss": {"measure": {"name": "denoising_loss", "queries": 3, "noises": 2}}}
    | {"error": {"measure": {"name": "mse", "queries": 3}}},
    "gradients": {
        "grads": {"function": "loss", "timesteps": 2, "dimensions": 16, "shards": 2}
        | {"batch_size": 1000},
        "one_level": {"function": "loss", "timesteps": 1, "batch_size": 1000},
    },
    "attributions": {
        "shapley_constrained": None,
        "shapley_ridge": None,
        "shapley_ridge_free": None,
        "siss": None,
        "datamodel": {"values": "retrain/choosing"},
        **SCORES,
    },
    "evaluation": {
        "convergence": None,
        "regenerated": {
            "approach": "retrain",
            "attributions": ["pixels"],
            "behavior": "generated_loss",
            "queries": 2,
            "remove": 2,
            "compared": ["error"],
            "random": 1,
        },
    },
}


@pytest.fixture(scope="module")
def scored(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny run with scores. Tests may plan in it, but not run in it."""
    folder = tmp_path_factory.mktemp("scored") / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True)
    workflow = Workflow(folder, overlaid(finished.overlay, OVERLAY))
    planned = workflow.planned()
    # The full model and its samples are there; of gradients two shards, queries, a trajectory.
    assert not {"full", "sample_models", "data"} & set(planned)
    assert planned["gradients"] == 2 + 1 + 1
    done = workflow.run()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return workflow


def read(workflow: Workflow, path: str) -> pd.DataFrame:
    return pd.read_parquet(workflow.run_folder / path)


def test_every_score_attributes_all_contributors(scored: Workflow) -> None:
    for name in SCORES:
        table = read(scored, f"attributions/{name}.parquet")
        assert np.isfinite(table["value"]).all(), name
        assert table.groupby("query")["rank"].apply(sorted).tolist() == [[1, 2, 3, 4, 5, 6]] * 3


def test_weights_of_patches_are_shares_of_a_loss(scored: Workflow) -> None:
    """They are 0 or more and sum to 1 over all images; what helps lowers a loss."""
    table = read(scored, "attributions/patches.parquet")
    assert (table["value"] <= 0).all()
    np.testing.assert_allclose(table.groupby("query")["value"].sum(), -1, rtol=1e-3)


def test_scores_are_evaluated_beside_attributions_by_removal(scored: Workflow) -> None:
    lds = read(scored, "evaluation/lds.parquet")
    assert {"datamodel", *SCORES} < set(lds["predictor"])
    assert lds["query_low"].notna().all()
    planted = read(scored, "evaluation/planted.parquet")
    assert {"datamodel", *SCORES} == set(planted["attribution"])


def test_grid_of_dampings(scored: Workflow) -> None:
    table = read(scored, "evaluation/dampings.parquet")
    assert table["attribution"].tolist() == ["das"] * 3
    assert table["damping"].tolist() == GRID["damping"]
    best = table["lds_chosen_on"].idxmax()
    assert table.index[table["chosen"]].tolist() == [best]
    used = read(scored, "attributions/das.parquet")["strength"].unique()
    assert used.tolist() == [table["damping"][best]]
    lds = read(scored, "evaluation/lds.parquet").set_index(["predictor", "behavior"])["lds"]
    assert table["lds"][best] == pytest.approx(lds["das", "generated_loss"], abs=1e-6)


def test_images_are_drawn_again_without_their_proponents(scored: Workflow) -> None:
    asked = read(scored, "coalitions/regenerated/0.parquet")
    values = read(scored, "attributions/pixels.parquet").set_index(["query", "contributor"])[
        "value"
    ]
    for query, mask in enumerate(asked["mask"]):
        helped_most = values[query].nsmallest(2)  # Less of a loss is better.
        assert set(np.flatnonzero(~np.asarray(mask))) == set(helped_most.index)
    table = read(scored, "evaluation/regenerated.parquet")
    assert table.groupby("attribution")["query"].apply(list).to_dict() == {
        "pixels": [0, 1],
        "random": [0, 1],
    }
    assert (table["value"] > 0).all()


def test_figures(scored: Workflow) -> None:
    for name in ("attributions", "lds", "dampings", "samples", "proponents", "regenerated"):
        assert (scored.run_folder / f"figures/{name}.svg").stat().st_size > 1000


def test_nothing_is_left_to_do(scored: Workflow) -> None:
    assert scored.planned() == {}
    assert not [p for p in scored.run_folder.rglob("*") if p.name.endswith((".part", ".partial"))]


TABLES = {"lds": 1, "planted": 1, "figure_lds": 1, "figure_tables": 1, "figure_attributions": 1}
PROPONENTS = {"figure_proponents": 1, **TABLES}
#: It shows the last attribution, in the order of the file: tracin.
PICTURED = {"figure_samples": 1}
CHOSEN = {"scored": 1, "dampings": 1, "figure_dampings": 1, **PROPONENTS}


def changed(*places: str, **keys: object) -> dict:
    """An overlay that changes keys of some entries, as scores/trak."""
    overlay: dict = {}
    for place in places:
        section, entry = place.split("/")
        overlay = overlaid(overlay, {section: {entry: keys}})
    return overlay


CHANGES: dict[str, tuple[dict, dict[str, int]]] = {
    "other dampings": (
        changed("attributions/das", damping=[0.1, 10.0]),
        CHOSEN | {"gradient_scores": 1},
    ),
    "other dimensions": (
        changed("gradients/grads", dimensions=32),
        CHOSEN | PICTURED | {"gradients": 4, "gradient_scores": 3, "scored": 3},
    ),
    "more jobs for gradients": (
        changed("gradients/grads", shards=3),
        CHOSEN | PICTURED | {"gradients": 3, "gradient_scores": 3, "scored": 3},
    ),
    "more images at a time": (changed("gradients/grads", batch_size=50), {}),
    "the largest score of a contributor": (
        changed("attributions/das", groups="max"),
        CHOSEN,
    ),
    "more contributors removed for an image": (
        {"evaluation": {"regenerated": {"remove": 3}}},
        {
            "regenerated_coalitions": 2,
            **{f"{rule} retrain": 2 for rule in ("subsets", "samples", "score", "model_behaviors")},
            **{"gather retrain": 1, "regenerated": 1, "figure_regenerated": 1},
            **{"figure_tables": 1, "cost": 1, "figure_cost": 1},
        },
    ),
    "more trainings of the full model": ({"full": {"models": 2}}, {}),
    "another score": (
        {"attributions": {"gas": {"method": "gas", "gradients": "grads", **LOSS}}},
        PROPONENTS | {"gradient_scores": 1, "scored": 1},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_runs_again(scored: Workflow, change: str) -> None:
    overlay, expected = CHANGES[change]
    assert Workflow(scored.folder, overlaid(scored.overlay, overlay)).planned() == expected


def test_without_attributions_by_removal_nothing_converges(scored: Workflow) -> None:
    overlay = {"attributions": {"datamodel": None}, "evaluation": {"convergence": {"points": 3}}}
    assert Workflow(scored.folder, overlaid(scored.overlay, overlay)).planned() == TABLES


def test_features_of_another_model_are_told(scored: Workflow, tmp_path: Path) -> None:
    """A folder that was put in place of the right one stops what reads it, by its name."""
    shutil.copytree(scored.folder, tmp_path / "copy", symlinks=True)
    workflow = Workflow(tmp_path / "copy", scored.overlay)
    folder = workflow.run_folder / "gradients/grads/0-1/train/1"
    facts = json.loads((folder / "facts.json").read_text())
    another = facts["model"][::-1]
    text = (folder / "facts.json").read_text().replace(facts["model"], another)
    (folder / "facts.json").write_text(text)
    done = workflow.run("results/tiny/scores/tracin", "--forcerun", "gradient_scores")
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"train/1 holds features of another model: '{another}', not" in output
    assert "delete the folder and run again" in output
    assert "Traceback" not in output
