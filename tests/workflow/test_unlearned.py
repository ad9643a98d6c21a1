"""The tiny run with images deleted by several approaches: judged, and made again when due."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from copied_workflow import Workflow, copy_workflow, kill_when
from overlays import overlaid

from diffcredit.config.unlearning import ABOUT_APPROACHES, JUDGED, PRETRAINED
from diffcredit.evaluation.unlearning import ON_FRONT

REMOVED = {"images": "removed", "queries": 2}
LOSS = {"name": "denoising_loss", "timesteps": [10, 50]}
RESTORED = {"name": "reconstruction", "timestep": 30, "steps": 10}
SISS = {
    "start": "full",
    "objective": "siss",
    "parameters": {"name": "lora", "rank": 2},
    "steps": 6,
    "learning_rate": 1e-3,
    "coalitions": {"few": None},
}
UNLEARNING: dict[str, Any] = {
    "remove": {"contributor": "injected"},
    "approaches": ["siss"],
    "retrain": "retrain",
    "every": 2,
    "seeds": 2,
    "forgetting": "occurrence",
}
#: Laid over the tiny run: an image that is there many times is deleted, and nothing is attributed.
OVERLAY = {
    "data": {
        "images": 200,
        "planted": {"contributors": 0},
        "injected": {"image": 5, "copies": 10},
    },
    "coalitions": dict.fromkeys(["shapley", "datamodel", "full", "none", "few"]),
    "approaches": {
        "sft": None,
        "siss": SISS,
        "retrain": {"coalitions": dict.fromkeys(["datamodel", "none", "full"])},
    },
    "behaviors": {
        **dict.fromkeys(["log_fid", "inception_score", "entropy"]),
        "occurrence": {"measure": {"name": "occurrence", **REMOVED}, "extractor": "pixels"},
        "restored": {"measure": {**RESTORED, **REMOVED}},
        "likelihood": {"measure": {"name": "likelihood", "steps": 2, **REMOVED}},
        "loss": {"measure": {**LOSS, **REMOVED}},
        "loss_retained": {"measure": {**LOSS, **REMOVED, "images": "retained"}},
    },
    "unlearning": UNLEARNING,
    "attributions": dict.fromkeys(
        ["shapley_constrained", "shapley_ridge", "shapley_ridge_free", "datamodel", "siss"]
    ),
    "evaluation": {"lds": None},
}
BEHAVIORS = {"fid", "occurrence", "restored", "likelihood", "loss", "loss_retained"}

OUTCOMES = {"outcomes": 1, "figure_unlearning": 1}


def measured(*approaches: str) -> dict[str, int]:
    """A shard is a training seed; the first one's models restore an image."""
    counts = {name: 1 if name == PRETRAINED else UNLEARNING["seeds"] for name in approaches}
    stages = ("samples", "score", "model_behaviors")
    found = {f"{stage} {name}": count for name, count in counts.items() for stage in stages}
    return found | {f"reconstruction {name}": 1 for name in approaches}


def unlearn(*approaches: str) -> dict[str, int]:
    found = {f"unlearn {approach}": UNLEARNING["seeds"] for approach in approaches}
    return found | measured(*approaches)


FROM_FULL = unlearn("siss")
ALL = FROM_FULL | unlearn("retrain")


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny run that unlearns. Tests may plan in it, but not run in it."""
    workflow = copy_workflow(tmp_path_factory.mktemp("unlearned") / "workflow")
    workflow.overlay = overlaid(workflow.overlay, OVERLAY)
    upstream = {
        "data": 1,
        "encode": 1,
        "classifier": 1,
        "full": 1,
        "removal": 1,
        "queries": 5,
        "pretrained": 1,
    }
    assert workflow.planned() == upstream | measured(PRETRAINED) | ALL | OUTCOMES
    done = workflow.run()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    (workflow.folder / "terminal.txt").write_text(done.stdout + done.stderr)
    return workflow


def read(workflow: Workflow, path: str) -> pd.DataFrame:
    return pd.read_parquet(workflow.run_folder / path)


def test_curves_have_the_requested_steps_and_seeds(unlearned: Workflow) -> None:
    curves = read(unlearned, "evaluation/unlearning.parquet")
    steps = curves.groupby("approach", sort=False)["step"].agg(
        lambda found: [*dict.fromkeys(found)]
    )
    assert steps.to_dict() == {
        "pretrained": [0],
        "siss": [2, 4, 6],
        "retrain": [10],
    }
    assert curves.groupby("approach")["seeds"].unique().map(list).to_dict() == {
        "pretrained": [1],
        "siss": [2],
        "retrain": [2],
    }
    for _, part in curves.groupby(["approach", "step"]):
        assert set(part["behavior"]) == BEHAVIORS
    assert curves["value"].notna().all()
    pd.testing.assert_frame_equal(
        pd.read_csv(unlearned.run_folder / "evaluation/unlearning.csv"), curves, rtol=1e-4
    )


def test_outcomes_have_a_row_for_each_approach_and_yardstick(unlearned: Workflow) -> None:
    outcomes = read(unlearned, "evaluation/outcomes.parquet")
    columns = [*outcomes.columns]
    assert columns[: len(ABOUT_APPROACHES)] == [*ABOUT_APPROACHES]
    assert columns[-len(JUDGED) :] == [*JUDGED]
    ends = {f"{name}{end}" for name in BEHAVIORS for end in ("", "_low", "_high")}
    assert set(columns) == {*ABOUT_APPROACHES, *JUDGED, *ends}
    assert dict(zip(outcomes["approach"], outcomes["kind"], strict=True)) == {
        "pretrained": "pretrained",
        "siss": "unlearned",
        "retrain": "retrained",
    }
    assert outcomes["steps"].tolist() == [0, 6, 10]
    siss = outcomes.loc[outcomes["approach"] == "siss"].iloc[0]
    assert siss["front"] == (siss["outcome"] in ON_FRONT)
    assert siss["explanation"].startswith(siss["outcome"])
    text = (unlearned.run_folder / "evaluation/outcomes.txt").read_text()
    assert text in (unlearned.folder / "terminal.txt").read_text()


def test_images_removed_are_all_copies(unlearned: Workflow) -> None:
    removed = read(unlearned, "unlearning/removed.parquet")
    assert len(removed) == 10
    assert removed["image"].nunique() == 1
    # The image went where its copies are.
    assert read(unlearned, "unlearning/retained.parquet")["row"].tolist() == [*range(199)]


def test_files(unlearned: Workflow) -> None:
    run = unlearned.run_folder
    for name in ("unlearning", "outcomes", "reconstruction"):
        assert (run / f"figures/{name}.svg").stat().st_size > 1000
    tables = {path.name for path in (run / "evaluation").iterdir()}
    assert tables == {
        *("unlearning.csv", "unlearning.parquet"),
        *("outcomes.csv", "outcomes.parquet", "outcomes.txt", "warnings.txt"),
    }
    assert not list(run.glob("subsets/*/*/*"))
    assert not [path for path in run.rglob("*") if path.name.endswith((".part", ".partial"))]


def changed(**keys: object) -> dict:
    return {"unlearning": keys}


#: Models are temporary here, so the full one is copied again to be measured; it is not trained.
ANOTHER_REMOVAL = (
    {"removal": 1, "queries": 5, "pretrained": 1} | measured(PRETRAINED) | ALL | OUTCOMES
)
CHANGES: dict[str, tuple[dict, dict[str, int]]] = {
    "nothing": ({}, {}),
    "another level of the intervals": (changed(confidence=0.9), OUTCOMES),
    "another quality": (changed(quality="loss_retained"), OUTCOMES),
    "another learning rate": (
        {"approaches": {"siss": {"learning_rate": 2e-3}}},
        unlearn("siss") | OUTCOMES,
    ),
    "models at other steps": (changed(every=3), FROM_FULL | OUTCOMES),
    "trainings that end early": (changed(forgetting="loss", until=0.5), FROM_FULL | OUTCOMES),
    "other images removed": (
        changed(remove={"label": 3, "contributor": None}),
        ANOTHER_REMOVAL,
    ),
    "generated images removed": (
        changed(remove={"cluster": {"clusters": 3}, "contributor": None}),
        {"sample_model": 1} | ANOTHER_REMOVAL,
    ),
    "fewer seeds": (changed(seeds=1), OUTCOMES),
    "another approach": (
        {
            "approaches": {"more": SISS | {"objective": "erase_diff"}},
            "unlearning": {"approaches": [*UNLEARNING["approaches"], "more"]},
        },
        unlearn("more") | OUTCOMES,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_runs_again(unlearned: Workflow, change: str) -> None:
    overlay, expected = CHANGES[change]
    assert Workflow(unlearned.folder, overlaid(unlearned.overlay, overlay)).planned() == expected


def weights(models: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in models.glob("*/weights.safetensors")}


def test_killed_trainings_go_on_to_the_same_models(unlearned: Workflow, tmp_path: Path) -> None:
    shutil.copytree(unlearned.folder, tmp_path / "copy", symlinks=True)
    longer = {"approaches": {"siss": {"steps": 40}}, "unlearning": {"every": 10}}
    workflow = Workflow(tmp_path / "copy", overlaid(unlearned.overlay, longer))
    target = "results/tiny/subsets/siss/unlearning/0-0"
    models = workflow.folder / target
    assert workflow.run(target).returncode == 0
    expected = weights(models)
    names = [f"{step:09d}" for step in (10, 20, 30, 40)]
    assert sorted(expected) == names
    shutil.rmtree(models)

    partial = models.with_name("0-0.partial")
    kill_when(workflow, (partial / names[-2] / "weights.safetensors").exists, target)
    # A checkpoint came after this one for certain.
    made = (partial / names[-3] / "weights.safetensors").stat()
    assert not models.exists()
    assert workflow.run("--unlock").returncode == 0
    assert workflow.run(target).returncode == 0
    again = (models / names[-3] / "weights.safetensors").stat()
    assert (again.st_mtime_ns, again.st_ino) == (made.st_mtime_ns, made.st_ino)
    assert weights(models) == expected
