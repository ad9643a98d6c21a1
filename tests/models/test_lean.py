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
from diffcredit.models.families.pixel import Pixel

finders = list(sys.meta_path)
family = families.build(Pixel.Options(family="pixel"), 8, 1)
network = family.build(family.structure, seed=0)
assert not {"peft", "transformers", "scipy"} & set(sys.modules)
assert sys.meta_path == finders

from diffcredit.training.parameters import lora
import peft
import scipy.stats
import transformers
import torch.utils._triton

assert torch.utils._triton.has_triton_package()  # As it would be found without.
assert all(sys.modules[name] is not None for name in lean.BESIDE)
with lean.lean_imports():  # What is there stays there.
    assert sys.modules["scipy"] is scipy
    import scipy.special
lora.Lora(rank=2, layers=["to_q", "to_v"]).attach(network, seed=0)
assert family.predict(network, torch.zeros(1, 1, 8, 8), torch.tensor([3])).isfinite().all()
"""

#: Where something has imported diffusers as usual, it relies on what it found.
IMPORTED_BEFORE = """
import diffusers.utils
from diffcredit.models.families.pixel import Pixel
from diffcredit.models import families

family = families.build(Pixel.Options(family="pixel"), 8, 1)
family.build(family.structure, seed=0)
assert diffusers.utils.is_peft_available()
"""

#: Packages that a process needs it imports before, and diffusers finds them.
NEEDED_BEFORE = """
import peft
import transformers
from diffcredit.models.families.pixel import Pixel
from diffcredit.models import families

family = families.build(Pixel.Options(family="pixel"), 8, 1)
family.build(family.structure, seed=0)
import diffusers
assert diffusers.utils.is_peft_available() and diffusers.utils.is_transformers_available()
assert diffusers.StableDiffusionPipeline.from_pretrained
"""

#: Another thread is not concerned.
OTHER_THREAD = """
import importlib.util
import threading
from diffcredit.models.lean import lean_imports

found = []
with lean_imports():
    assert importlib.util.find_spec("scipy") is None
    def look():
        found.append(importlib.util.find_spec("scipy"))
        import scipy.stats
    other = threading.Thread(target=look)
    other.start()
    other.join()
    assert found[0] is not None
assert importlib.util.find_spec("peft") is not None
"""


@pytest.mark.parametrize("script", [SCRIPT, IMPORTED_BEFORE, NEEDED_BEFORE, OTHER_THREAD])
def test_packages_beside_diffusers_are_not_imported_and_stay_importable(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=LIBRARY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
