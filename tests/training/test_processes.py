"""Processes that share the work of a training end with the weights of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import diffcredit
from diffcredit.files import read_tensors

pytestmark = pytest.mark.slow

LIBRARY = Path(diffcredit.__file__).parents[1]


#: Of a training, the images that one process computes.
IMAGES = {"denoise": 80, "siss": 80 + 32}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what two processes and one came to."""
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("two_processes.py"), folder, "2", *IMAGES],
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("objective", IMAGES)
def test_two_processes_share_the_images_and_give_the_weights_of_one(
    trained: Path, objective: str
) -> None:
    """Of each of the two parts of a step's batch, and of those that measure a norm."""
    (one, told_one), (two, told_two) = (
        read_tensors(trained / f"{objective}-{name}.safetensors") for name in ("one", "two")
    )
    assert told_one == {"processes": 1, "images": IMAGES[objective]}
    assert told_two == {"processes": 2, "images": IMAGES[objective] // 2}
    compared = [name for name in one if "to_k.bias" not in name]  # its gradient is rounding
    assert max((one[name] - two[name]).abs().max().item() for name in compared) < 1e-4
