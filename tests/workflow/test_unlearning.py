"""The tiny run with images deleted by several approaches: judged, and made again when due."""

import pytest
from copied_workflow import Workflow, copy_workflow, merge

REMOVED = {"images": "removed", "queries": 2}
RETAINED = {"images": "retained", "queries": 2}
#: Laid over the tiny run: an image that is there many times, deleted; nothing is attributed.
OVERLAY = {
    "data": {
        "images": 200,
        "planted": {"contributors": 0},
        "injected": {"image": 5, "copies": 10},
    },
    "coalitions": dict.fromkeys(["shapley", "datamodel", "full", "none"]),
    "approaches": {
        "sft": None,
        "retrain": {"coalitions": dict.fromkeys(["datamodel", "none", "full"])},
        "siss": {"start": "full", "objective": "siss", "steps": 6, "learning_rate": 1e-3},
        "neggrad": {
            "start": "full",
            "objective": {"name": "gradient_ascent", "superfactor_decay": 0.9},
            "parameters": {"lora": {"rank": 2}},
            "steps": 3,
            "learning_rate": 1e-3,
        },
        "influence": {"start": "full", "objective": {"name": "influence", "batches": 2}},
    },
    "behaviors": {
        **dict.fromkeys(["log_fid", "inception_score", "entropy"]),
        "occurrence": {"measure": {"name": "occurrence", **REMOVED}, "extractor": "pixels"},
        "restored": {"measure": {"name": "reconstruction", "timestep": 30, "steps": 10, **REMOVED}},
        "likelihood": {"measure": {"name": "likelihood", "steps": 2, **REMOVED}},
        "loss": {"measure": {"name": "denoising_loss", "timesteps": [10, 50], **REMOVED}},
        "loss_retained": {"measure": {"name": "denoising_loss", "timesteps": [10, 50], **RETAINED}},
    },
    "unlearning": {
        "remove": {"contributor": "injected"},
        "approaches": ["siss", "neggrad", "influence"],
        "retrain": "retrain",
        "every": 2,
        "seeds": 2,
        "forgetting": "occurrence",
    },
    "attributions": dict.fromkeys(
        ["shapley_constrained", "shapley_ridge", "shapley_ridge_free", "datamodel"]
    ),
    "evaluation": {"lds": None},
}


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny run that unlearns. Tests may plan in it, but not run in it."""
    workflow = copy_workflow(tmp_path_factory.mktemp("unlearned") / "workflow")
    workflow.overlay = merge(workflow.overlay, OVERLAY)
    assert workflow.planned() == {}
