"""What runs again after each kind of change, and nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from copied_workflow import Workflow, copy_workflow
from overlays import overlaid
from PIL import Image

CONVERGENCE = {"convergence": 1, "figure_convergence": 1}
# The figure of convergence shows the noise ceiling of the LDS table.
LDS = {"lds": 1, "figure_lds": 1, "figure_tables": 1, **CONVERGENCE}
EVALUATED = {"planted": 1, "figure_attributions": 1, **LDS}
#: Those by sft; figure_samples shows the last of them.
SFT_ATTRIBUTIONS = {"attribution": 4, "figure_samples": 1, **EVALUATED}
ATTRIBUTIONS = SFT_ATTRIBUTIONS | {"attribution": 4 + 1}
COST = {"cost": 1, "figure_cost": 1}
SFT_SCORES = {"score sft": 3, "gather sft": 2}
SISS_SCORES = {"score siss": 1, "gather siss": 1}
RETRAIN_SCORES = {"score retrain": 4, "gather retrain": 3}
SCORES = SFT_SCORES | SISS_SCORES | RETRAIN_SCORES
SFT = {"subsets sft": 3, "samples sft": 3, **SFT_SCORES}
SISS = {"subsets siss": 1, "samples siss": 1, **SISS_SCORES}
RETRAIN = {"subsets retrain": 4, "samples retrain": 4, **RETRAIN_SCORES}
MODELS = {"full": 1, "pruned": 1, "sample_model": 2}
OF_COALITIONS = SFT | SISS | RETRAIN | ATTRIBUTIONS | COST
EVERYTHING_TRAINED = MODELS | OF_COALITIONS

CONFIG_CHANGES: dict[str, tuple[dict, dict[str, int]]] = {
    "nothing": ({}, {}),
    "more shapley coalitions": (
        {"coalitions": {"shapley": {"count": 12}}},
        {"coalitions": 1, "subsets sft": 1, "samples sft": 1, "score sft": 1, "gather sft": 1}
        | SFT_ATTRIBUTIONS
        | COST,
    ),
    "more shapley coalitions and other steps at once": (
        {"coalitions": {"shapley": {"count": 12}}, "approaches": {"sft": {"steps": 5}}},
        {"coalitions": 1, "subsets sft": 4, "samples sft": 4, "score sft": 4, "gather sft": 2}
        | SFT_ATTRIBUTIONS
        | COST,
    ),
    "independent pairs of coalitions": (
        {"coalitions": {"shapley": {"balanced": False}}},
        {"coalitions": 2, "subsets sft": 2, "samples sft": 2, "score sft": 2, "gather sft": 1}
        | SFT_ATTRIBUTIONS
        | COST,
    ),
    "another training seed of the test coalitions": (
        {"approaches": {"retrain": {"coalitions": {"datamodel": 3}}}},
        {"subsets retrain": 1, "samples retrain": 1, "score retrain": 1, "gather retrain": 1}
        | LDS
        | COST,
    ),
    "other sft steps": ({"approaches": {"sft": {"steps": 5}}}, SFT | SFT_ATTRIBUTIONS | COST),
    "other training of siss alone": (
        {"approaches": {"siss": {"training": {"schedule": "constant"}}}},
        SISS | EVALUATED | {"attribution": 1} | COST,
    ),
    "other siss mixture": (
        {"approaches": {"siss": {"objective": {"name": "siss", "mixture": 0.25}}}},
        SISS | EVALUATED | {"attribution": 1} | COST,
    ),
    "other retrain learning rate": (
        {"approaches": {"retrain": {"learning_rate": 1e-3}}},
        # shapley_constrained and shapley_ridge use v(none), which retrain makes.
        RETRAIN | EVALUATED | {"attribution": 2} | COST,
    ),
    "another behavior": (
        {"behaviors": {"is_log": {"measure": "inception_score", "transform": "log"}}},
        SCORES | ATTRIBUTIONS | COST,
    ),
    "other bootstrap resamples": ({"evaluation": {"lds": {"resamples": 200}}}, LDS),
    "other pruning ratio": (
        {"pruned": {"ratio": 0.5}},
        {"pruned": 1, "sample_model": 1} | SFT | SFT_ATTRIBUTIONS | COST,
    ),
    "other full training": (
        {"full": {"steps": 120}},
        MODELS | SFT | SISS | ATTRIBUTIONS | COST,
    ),
    "other contributor deal": (
        {"data": {"concentration": 5.0}},
        {"data": 1, "encode": 1, "classifier": 1, "coalitions": 6} | EVERYTHING_TRAINED,
    ),
    "other seed": (
        {"seed": 1},
        {"data": 1, "encode": 1, "classifier": 1, "coalitions": 6} | EVERYTHING_TRAINED,
    ),
    "other classifier": (
        {"classifier": {"steps": 61}},
        {"classifier": 1} | SCORES | ATTRIBUTIONS | COST,
    ),
    "other convergence points": (
        {"evaluation": {"convergence": {"points": 3}}},
        CONVERGENCE | {"figure_tables": 1},
    ),
    "another attribution": (
        {
            "attributions": {
                "more": {"method": "datamodel_ridge", "values": "sft/shapley"},
            }
        },
        EVALUATED | {"attribution": 1},
    ),
    # Shards of two coalitions, of which "full" and "none" have no more, stay as they are.
    "another shard size": (
        {"execution": {"shard_size": 2}},
        {"coalitions": 4 + 2 + 2}
        | {"subsets sft": 4, "samples sft": 4, "score sft": 4, "gather sft": 1}
        | {"subsets siss": 2, "samples siss": 2, "score siss": 2, "gather siss": 1}
        | {"subsets retrain": 4, "samples retrain": 4, "score retrain": 4, "gather retrain": 1}
        | ATTRIBUTIONS
        | COST,
    ),
    # The tables of coalitions stay as they are.
    "another shard size of an approach": (
        {"execution": {"shard_sizes": {"sft": 8}}},
        {"subsets sft": 1, "samples sft": 1, "score sft": 1, "gather sft": 1}
        | SFT_ATTRIBUTIONS
        | COST,
    ),
    "other device, checkpoints": (
        {"execution": {"device": "cpu", "checkpoint_steps": 7}},
        {},
    ),
}


@pytest.mark.parametrize("change", CONFIG_CHANGES)
def test_config_change(finished: Workflow, change: str) -> None:
    overlay, expected = CONFIG_CHANGES[change]
    changed = Workflow(finished.folder, overlaid(finished.overlay, overlay))
    assert changed.planned() == expected


def test_other_sampling_leaves_kept_models_alone(finished: Workflow) -> None:
    """Models are temporary here, so they are made again; the full and the pruned one are not."""
    changed = Workflow(finished.folder, overlaid(finished.overlay, {"sampling": {"steps": 3}}))
    assert changed.planned() == {"sample_model": 2} | OF_COALITIONS


def test_threads_and_memory(finished: Workflow) -> None:
    arguments = ["--set-threads", "subsets=2", "full=2", "--set-resources", "subsets:mem_mb=9000"]
    assert finished.planned(*arguments) == {}


def append(text: str) -> Callable[[str], str]:
    return lambda source: source + text


def replace(old: str, new: str) -> Callable[[str], str]:
    def edit(source: str) -> str:
        assert old in source
        return source.replace(old, new)

    return edit


LIBRARY = "workflow_scripts/diffcredit"
CODE_CHANGES: dict[str, tuple[str, Callable[[str], str], dict[str, int]]] = {
    "code of a cheap script": (
        "workflow_scripts/lds.py",
        append("\nUNUSED = 1\n"),
        {"lds": 1, "figure_lds": 1, "figure_tables": 1, "figure_convergence": 1},
    ),
    "a touched script": ("workflow_scripts/subsets.py", append(""), {}),
    "a comment in a script": ("workflow_scripts/subsets.py", append("\n# why\n"), {}),
    "a docstring in the library": (
        f"{LIBRARY}/attribution/shapley.py",
        replace('"""Constrained least squares', '"""The constrained least squares'),
        {},
    ),
    "code of an estimator": (
        f"{LIBRARY}/attribution/shapley.py",
        append("\nUNUSED = 1\n"),
        {"attribution": 3, **EVALUATED},
    ),
    "code of a measure": (
        f"{LIBRARY}/behaviors/fid.py",
        append("\nUNUSED = 1\n"),
        SCORES | ATTRIBUTIONS | COST,
    ),
    "code of a measure that is not used": (
        f"{LIBRARY}/behaviors/ssim.py",
        append("\nUNUSED = 1\n"),
        {},
    ),
    "code of a figure": (
        f"{LIBRARY}/report/style.py",
        append("\nUNUSED = 1\n"),
        {
            "figure_attributions": 1,
            "figure_cost": 1,
            "figure_lds": 1,
            "figure_samples": 1,
            "figure_convergence": 1,
        },
    ),
    "code of the training loop (its version number tells)": (
        f"{LIBRARY}/training/loop.py",
        append("\nUNUSED = 1\n"),
        {},
    ),
    "the version number of coalitions": (
        f"{LIBRARY}/plan/code_of_stages.py",
        replace('"coalitions": 1', '"coalitions": 2'),
        {"coalitions": 6} | OF_COALITIONS,
    ),
    "the version number of sampling": (
        f"{LIBRARY}/plan/code_of_stages.py",
        replace('"sampling": 2', '"sampling": 3'),
        {"sample_model": 2} | OF_COALITIONS,
    ),
}


@pytest.mark.parametrize("change", CODE_CHANGES)
def test_code_change(finished: Workflow, change: str) -> None:
    name, edit, expected = CODE_CHANGES[change]
    path = finished.folder / name
    before, times = path.read_text(), path.stat()
    path.write_text(edit(before))
    try:
        assert finished.planned() == expected
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Images of one's own that are read; files are older than what is made of them."""
    copy = copy_workflow(tmp_path_factory.mktemp("gallery") / "workflow")
    place = copy.folder / "gallery"
    place.mkdir()
    rows = ["file,artist"]
    for number in range(6):
        Image.new("L", (8, 8), 40 * number).save(place / f"{number}.jfif", "JPEG")
        rows.append(f"{number}.jfif,{'ann' if number % 2 else 'bob'}")
    (place / "labels.txt").write_text("\n".join(rows) + "\n")
    data = {"source": "folder", "path": "gallery", "channels": 1, "image_size": 8}
    data |= {"contributors": {"csv": "labels.txt", "column": "artist"}}
    copy.overlay = overlaid(copy.overlay, {"data": data | {"planted": {"contributors": 0}}})
    done = copy.run(DATA)
    assert done.returncode == 0, done.stderr
    return copy


DATA = "results/tiny/data/train.parquet"


def copied_again(place: Path) -> None:
    """As rsync without --times: equal files with new times and inodes."""
    for path in place.iterdir():
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)


def other_owner(place: Path) -> None:
    table = place / "labels.txt"
    table.write_text(table.read_text().replace("2.jfif,bob", "2.jfif,ann"))


FILE_CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, int]]] = {
    "a README beside the images": (lambda place: (place / "README").write_text("hi"), {}),
    "a hidden file": (lambda place: (place / ".1.png").write_bytes(b"hidden"), {}),
    "an image that the table does not name": (
        lambda place: Image.new("L", (8, 8)).save(place / "new.png"),
        {},
    ),
    "a touched image": (lambda place: (place / "0.jfif").touch(), {}),
    "equal files with new times": (copied_again, {}),
    "another owner in the table": (other_owner, {"data": 1}),
    "an image of a new suffix with other content": (
        lambda place: Image.new("L", (8, 8), 9).save(place / "0.jfif", "JPEG"),
        {"data": 1},
    ),
}


@pytest.mark.parametrize("change", FILE_CHANGES)
def test_change_of_ones_own_files(gallery: Workflow, change: str, tmp_path: Path) -> None:
    place, before = gallery.folder / "gallery", tmp_path / "before"
    shutil.copytree(place, before)
    make, expected = FILE_CHANGES[change]
    make(place)
    try:
        assert gallery.planned(DATA) == expected
    finally:
        shutil.rmtree(place)
        shutil.copytree(before, place)
