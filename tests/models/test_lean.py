"""diffusers without the packages that it would import beside itself."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
#: In a process of its own: what is imported stays imported.
SCRIPT = """
import sys
import torch
from diffcredit.models import families, lean

family = families.build(Pixel.Options(family="pixel"), 8, 1)
network = family.build(family.structure, seed=0)
assert not {"peft", "transformers", "triton"} & set(sys.modules)

from diffcredit.training.parameters import lora
import scipy.stats
import transformers
import triton

assert all(sys.modules[name] is not None for name in lean.BESIDE)
with lean.lean_imports():  # What is there stays there.
    assert sys.modules["scipy"] is scipy
lora.Lora(2, 2.0, 0.0, ["to_q", "to_v"], 1.0).attach(network, seed=0)
assert family.predict(network, torch.zeros(1, 1, 8, 8), torch.tensor([3])).isfinite().all()
"""

#: Where something has imported diffusers as usual, it relies on what it found.
IMPORTED_BEFORE = """
import diffusers.utils
from diffcredit.models.families.pixel import Pixel
from diffcredit.models import families

family = families.build(Pixel.Options(family="pixel"), 8, 1)
family.build(family.structure, seed=0)
"""


@pytest.mark.parametrize("script", [SCRIPT, IMPORTED_BEFORE])
def test_packages_beside_diffusers_are_not_imported_and_stay_importable(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=LIBRARY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
