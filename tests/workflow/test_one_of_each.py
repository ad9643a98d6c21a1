"""The tiny run with building blocks of files outside the library, one of each kind."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from copied_workflow import ROOT, Workflow, copy_workflow
from overlays import overlaid

from diffcredit import registry
from diffcredit.files import read_tensors

FILE = "own/one_of_each.py"
#: Laid over the tiny run: each kind of building block is one of the file's, with an option.
OVERLAY: dict[str, Any] = {
    "experiment": "extended",
    "extensions": [FILE],
    "execution": {"keep": {"models": True}},
    "data": {
        "source": {"name": "dots", "brightness": 180},
        "contributors": 6,
        "planted": {"contributors": 0},
    },
    "model": {"family": "faint", "contrast": 0.7},
    "training": {
        "optimizer": {"name": "momentum", "momentum": 0.8},
        "schedule": {"name": "staircase", "stairs": 3},
    },
    "pruned": {"pruner": {"name": "first_channels", "last": True}},
    "coalitions": {
        "shapley": None,
        "datamodel": None,
        "few": None,
        "none": None,
        "full": None,
        "halves": {"distribution": "halves", "count": 6, "shift": 1},
        "tests": {"distribution": "datamodel", "count": 4},
    },
    "approaches": {
        "siss": None,
        "sft": {
            "objective": {"name": "gentle", "weight": 0.6},
            "parameters": {"name": "biases", "speed": 3.0},
            "coalitions": {"shapley": None, "full": None, "halves": 1},
        },
        "retrain": {"coalitions": {"datamodel": None, "none": None, "full": None, "tests": 1}},
    },
    "extractors": {"rows": {"kind": "rows", "scale": 2.0}},
    "behaviors": {
        **dict.fromkeys(["log_fid", "inception_score", "entropy", "fid"]),
        "brightness": {"measure": {"name": "brightness", "quantile": 0.6}, "extractor": "rows"},
        "loss": {"measure": {"name": "denoising_loss", "queries": 3, "noises": 2}},
    },
    "gradients": {
        "cubes": {
            "function": {"name": "cubes", "power": 2},
            "timesteps": 2,
            "dimensions": 16,
        }
    },
    "attributions": {
        **dict.fromkeys(["shapley_constrained", "shapley_ridge", "shapley_ridge_free", "siss"]),
        "datamodel": None,
        "difference": {
            "method": {"name": "mean_difference", "shrinkage": 0.8},
            "values": "sft/halves",
        },
        "energies": {
            "method": {"name": "energies", "floor": 0.2},
            "gradients": "cubes",
            "behaviors": ["loss"],
            "damping": 1.0,
        },
    },
    "evaluation": {"convergence": None, "lds": {"truth": "retrain/tests"}},
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished run. Tests may plan in it, but not run in it."""
    workflow = copy_workflow(tmp_path_factory.mktemp("extended") / "workflow")
    (workflow.folder / FILE).parent.mkdir()
    shutil.copy(ROOT / "tests/extensions/one_of_each.py", workflow.folder / FILE)
    workflow.overlay = overlaid(workflow.overlay, OVERLAY)
    done = workflow.run()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return workflow


def read(workflow: Workflow, path: str) -> pd.DataFrame:
    return pd.read_parquet(workflow.run_folder / path)


def test_the_file_has_one_of_each_kind() -> None:
    names = (ROOT / "tests/extensions/one_of_each.py").read_text()
    kinds = {name for name, value in vars(registry).items() if isinstance(value, registry.Table)}
    assert set(re.findall(r"^(\w+)\.add\(", names, re.MULTILINE)) == kinds


def test_every_kind_has_done_its_part(extended: Workflow) -> None:
    assert read(extended, "data/train.parquet")["label_name"].nunique() == 4
    halves = read(extended, "coalitions/halves/0.parquet")["mask"]
    assert [int(np.sum(mask)) for mask in halves] == [3] * len(halves)
    for name in ("difference", "energies"):
        assert np.isfinite(read(extended, f"attributions/{name}.parquet")["value"]).all()
    before, after = (
        read_tensors(extended.run_folder / f"{place}/weights.safetensors")[0]
        for place in ("models/pruned", "subsets/sft/halves/0-0/000000")
    )
    changed = [name for name in before if not before[name].equal(after[name])]
    assert changed
    assert all(name.endswith("bias") for name in changed)
    assert set(read(extended, "evaluation/lds.parquet")["predictor"]) >= {"difference", "energies"}


def test_code_of_a_file_counts(extended: Workflow, tmp_path: Path) -> None:
    """What was made with a building block of a file is made again when the file changes."""
    workflow = Workflow(tmp_path / "copy", extended.overlay)
    shutil.copytree(extended.folder, workflow.folder, symlinks=True)
    assert workflow.planned() == {}
    place = workflow.folder / FILE
    place.write_text(place.read_text() + "\nMORE = 1\n")
    planned = workflow.planned()
    assert {"data", "pruned", "subsets sft", "score sft", "gradients", "attribution"} <= set(
        planned
    )


BROKEN = {
    "no such file": (None, "there is no such file"),
    "no Python": ("def broken(:\n", "line 1: invalid syntax"),
    "fails": ("\n\nimport nowhere\n", "line 3: ModuleNotFoundError: No module named 'nowhere'"),
    "option with a taken name": (
        "from diffcredit.registry import MEASURES\n"
        "from diffcredit.behaviors.measure import SampleMeasure\n"
        "class Own(SampleMeasure):\n"
        "    needs, better = None, None\n"
        "    class Options(SampleMeasure.Options):\n"
        "        code: int = 3\n"
        "MEASURES.add('own', Own)\n",
        "no option can be called code",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_told_in_a_message(workflow: Workflow, fault: str) -> None:
    text, expected = BROKEN[fault]
    if text is not None:
        (workflow.folder / "own.py").write_text(text)
    named = {"extensions": ["own.py"], "behaviors": {"own": {"measure": "own"}}}
    workflow.overlay = overlaid(workflow.overlay, named)
    done = workflow.run("--dry-run")
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
