"""A shard that is killed at any of its file events ends with the same bits in its next try."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_kill_at_every_file_event() -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_shards.py"))],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow_scripts")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == [], done.stderr
    # Two models with checkpoints, two files of samples, their folders and the file of the shard.
    assert found["events"] > 60
