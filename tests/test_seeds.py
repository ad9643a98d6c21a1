"""Seeds depend on their role alone."""

import subprocess
import sys
from pathlib import Path

import diffcredit
from diffcredit.seeds import derive

LIBRARY = Path(diffcredit.__file__).parents[1]


def test_seed_is_the_same_in_every_process() -> None:
    """Python's own hash of a text is not."""
    code = "from diffcredit.seeds import derive; print(derive(0, 'train', 'sft', 7))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(LIBRARY), "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == derive(0, "train", "sft", 7)


def test_roles_and_seeds_give_distinct_seeds() -> None:
    seeds = {
        derive(seed, role, index)
        for seed in range(5)
        for role in ("train", "noise", "deal")
        for index in range(1000)
    }
    assert len(seeds) == 15_000


def test_seeds_are_63_bits() -> None:
    seeds = [derive(0, index) for index in range(2000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62
