"""A user's mistake is told in one message, before anything is trained."""

import shutil
import subprocess

import pytest
from copied_workflow import Workflow
from overlays import overlaid
from PIL import Image

UNLEARNING = {"approaches": ["siss"], "forgetting": "loss"}
BAD: dict[str, tuple[dict, list[str]]] = {
    "unknown key": ({"sampling": {"imagse": 5}}, ["sampling.imagse = 5", "images"]),
    "wrong type": ({"full": {"steps": "many"}}, ["full.steps = 'many'", "1 or more"]),
    "pruning ratio": ({"pruned": {"ratio": 1.2}}, ["pruned.ratio = 1.2", "below 1"]),
    "attribution on missing coalitions": (
        {"attributions": {"datamodel": {"values": "sft/banana"}}},
        ["attributions.datamodel.values = 'sft/banana'", "sft/shapley"],
    ),
    "more images than there are": (
        {"data": {"held_out": 100, "images": 1700}},
        ["data.images = 1700: must not exceed 1697", "data.held_out = 100"],
    ),
    "removal of an image that there is not": (
        {
            "data": {"images": 200},
            "behaviors": {"loss": {"measure": {"name": "denoising_loss", "images": "removed"}}},
            "unlearning": UNLEARNING | {"remove": {"images": [200]}},
        },
        ["unlearning.remove.images = 200", "0 to 199"],
    ),
    "one contributor": (
        {"data": {"contributors": 1, "planted": {"contributors": 0}}},
        ["data.contributors = 1: coalitions.shapley: shapley coalitions need 2", "contributors: 3"],
    ),
    "a network that ends in one pixel": (
        {"model": {"channels": [16] * 4, "attention": [False] * 4}},
        ["data.image_size = 8: model.channels halves it 3 times, to 1 pixel", "at least 16"],
    ),
    "half precision of one approach on the CPU": (
        {
            "execution": {"device": "cpu"},
            "approaches": {"sft": {"training": {"mixed_precision": "fp16"}}},
        },
        ["approaches.sft.training.mixed_precision = 'fp16'", "no or bf16"],
    ),
    "a section where a name is expected": (
        {"attributions": {"datamodel": {"values": {"sft": "shapley"}}}},
        ["attributions.datamodel.values = {sft: 'shapley'}", "approach/coalitions"],
    ),
    "an entry that is null and others refer to": (
        {"coalitions": {"shapley": None}},
        ["approaches.sft.coalitions = 'shapley'", "datamodel"],
    ),
    "queries of images that are not held out": (
        {"behaviors": {"loss": {"measure": {"name": "denoising_loss", "images": "held_out"}}}},
        ["behaviors.loss.measure.queries = 16", "data.held_out = 0"],
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_configuration(workflow: Workflow, mistake: str) -> None:
    overlay, expected = BAD[mistake]
    workflow.overlay = overlaid(workflow.overlay, overlay)
    done = workflow.run()
    assert done.returncode == 1
    for text in expected:
        assert text in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not workflow.run_folder.exists()


def folder_of_images(workflow: Workflow) -> None:
    for name in ("ann", "bob"):
        (workflow.folder / "pictures" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), 40 * number).save(
                workflow.folder / f"pictures/{name}/{number}.png"
            )
    data = {"source": "folder", "path": "pictures", "contributors": "subfolder"}
    data |= {"image_size": 8, "channels": 1, "planted": {"contributors": 0}}
    workflow.overlay = overlaid(workflow.overlay, {"data": data})


def test_truncated_image(workflow: Workflow) -> None:
    folder_of_images(workflow)
    broken = workflow.folder / "pictures/bob/1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    done = workflow.run()
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "pictures/bob/1.png cannot be read as an image" in output
    assert "Traceback" not in output
    assert not list(workflow.run_folder.glob("models/*"))


def test_removal_of_a_contributor_that_there_is_not(workflow: Workflow) -> None:
    """The files tell who contributes; nothing is trained, though full models need no removal."""
    folder_of_images(workflow)
    change = {
        "behaviors": {"loss": {"measure": {"name": "denoising_loss", "images": "removed"}}},
        "unlearning": UNLEARNING | {"remove": {"contributor": "eve"}},
    }
    workflow.overlay = overlaid(workflow.overlay, change)
    done = workflow.run()
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "unlearning.remove.contributor = 'eve': must be one of: ann, bob" in output
    assert "Traceback" not in output
    assert not list(workflow.run_folder.glob("models/*"))


def test_pickled_images(workflow: Workflow) -> None:
    """The Python version of CIFAR-10 is told by the formats that are read instead."""
    folder = workflow.folder / "cifar"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"\x80\x02}q\x01.")
    data = {"source": "cifar10", "path": "cifar", "channels": 3}
    workflow.overlay = overlaid(workflow.overlay, {"data": data})
    done = workflow.run()
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "data_batch_1 is of the Python version, a pickle, and nothing is unpickled" in output
    assert "data_batch_1.bin to data_batch_5.bin" in output
    assert "Traceback" not in output


def test_truncated_model(workflow: Workflow) -> None:
    """A model file that was cut short after it was made stops what reads it, by its name."""
    assert workflow.run("results/tiny/models/full").returncode == 0
    weights = workflow.run_folder / "models/full/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    done = workflow.run("results/tiny/models/pruned")
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "models/full: weights.safetensors is missing, or has another size" in output
    assert "Hint: delete results/tiny/models/full and run the same command again" in output
    assert "Traceback" not in output
    shutil.rmtree(weights.parent)
    assert workflow.planned("results/tiny/models/pruned") == {"full": 1, "pruned": 1}


def test_loss_that_is_not_finite(workflow: Workflow) -> None:
    """The job stops and names the training, its coalition and the step."""
    workflow.overlay = overlaid(
        workflow.overlay, {"approaches": {"retrain": {"learning_rate": 1e30}}}
    )
    done = workflow.run("results/tiny/behaviors/retrain/datamodel.parquet")
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "retrain/datamodel" in output
    assert "coalition 0: the loss is" in output
    assert "at step" in output
    assert "Traceback" not in output


MALFORMED = {
    "an overlay that is no YAML": ("mine.yaml", "full: {steps: [1\nseed: 3\n", "mine.yaml, line 2"),
    "an overlay with a key twice": ("mine.yaml", "seed: 1\nseed: 3\n", "mine.yaml, line 2: seed"),
    "a default with a key twice": (
        "config.yaml",
        "seed: 1\nseed: 3\n",
        "config.yaml, line 2: seed",
    ),
    "a default that is no YAML": ("config.yaml", "a: b: c\n", "config.yaml, line 1, column 5"),
    "an overlay whose name YAML changes": (
        "mine.yaml",
        "unlearning: {remove: {contributor: 0012}}\n",
        "contributor = 10: YAML reads 0012 as the octal number 10 (mine.yaml, line 1)",
    ),
}


@pytest.mark.parametrize("mistake", MALFORMED)
def test_file_that_yaml_misreads(workflow: Workflow, mistake: str) -> None:
    """Told with the file and the line, wherever Snakemake reads it."""
    name, text, said = MALFORMED[mistake]
    (workflow.folder / "mine.yaml").write_text("seed: 1\n")
    (workflow.folder / name).write_text(text)
    *command, _ = workflow.command("--dry-run")
    done = subprocess.run(
        [*command, "mine.yaml"], cwd=workflow.folder, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
