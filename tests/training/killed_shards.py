"""Makes a shard of models and their samples, killed at each of its file events in turn.

A program of its own, for tests/training/test_file_events.py: it forks, so that torch and diffusers
are imported once, and computes in one thread, which a fork survives. Prints, as JSON, how many
events there are and after which of them the next try ended otherwise than an undisturbed one.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from diffcredit import identities, sampling
from diffcredit.config import Approach, Sampling, Training
from diffcredit.files import resumable
from diffcredit.models import families
from diffcredit.models.families.pixel import Pixel
from diffcredit.samples import read_shard
from diffcredit.training.loop import make_accelerator
from diffcredit.training.recipe import Recipe
from diffcredit.training.subsets import Coalition, train_shard

MODEL = Pixel.Options(family="pixel", channels=[4, 8], norm_groups=2, head_dim=4, timesteps=20)
SETTINGS = Training(batch_size=4, warmup_steps=1)
#: Events of Python's audit hooks that change what is on the disk, or bring it there.
CHANGING = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree"}
KILLED = 9


def make(folder: Path) -> None:
    """The models and the samples of a shard of two coalitions, as two jobs make them."""
    torch.set_num_threads(1)
    models, samples = folder / "models", folder / "samples.safetensors"
    if not (folder / "models.done").exists():
        shutil.rmtree(models, ignore_errors=True)  # As Snakemake does where a job did not end.
        _train(models)
        (folder / "models.done").touch()
    if not (folder / "samples.done").exists():
        samples.unlink(missing_ok=True)
        with identities.writing("one", [samples]):
            drawn = Sampling(images=3, steps=2, batch_size=3)
            sampling.sample_shard(models, drawn, 0, "cpu", samples, "samples")
        (folder / "samples.done").touch()


def _train(models: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=generator)
    approach = Approach(start="scratch", objective="denoise", steps=2, learning_rate=1e-3)
    family = families.build(MODEL, 8, 1)
    recipe = Recipe.of_section(approach, family, None, SETTINGS)
    given = (family.encode(pixels), np.repeat([0, 1], 6), recipe)
    coalitions = [Coalition(0, np.array([True, False]), 5), Coalition(1, np.array([True] * 2), 6)]
    with identities.writing("one", [models]), resumable(models) as partial:
        accelerator = make_accelerator(SETTINGS, "cpu")
        train_shard(coalitions, *given, accelerator, partial, 1, "shard")


def content(folder: Path) -> dict[str, str]:
    """What the shard holds, and that nothing else is there; the seconds differ each time."""
    found = {
        f"{path.relative_to(folder)}": path.read_bytes().hex()
        for path in folder.glob("models/*/weights.safetensors")
    }
    found |= {
        drawn.name: drawn.images().numpy().tobytes().hex()
        for drawn in read_shard(folder / "samples.safetensors")
    }
    left = [path.name for path in folder.rglob("*") if path.name.endswith((".part", ".partial"))]
    assert identities.read(folder / "models") == "one"
    return found | {"left": " ".join(left)}


def in_a_child(work: Callable[[], None]) -> int:
    """The exit status of a fork that does some work."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(folder: Path, at: int) -> Callable[[], None]:
    """The work, ended without a word at a file event; a file that is being written is torn."""

    def work() -> None:
        left = at

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event not in CHANGING or str(folder) not in str(arguments[0]):
                return
            left -= 1
            if left == 0:
                torn = Path(str(arguments[0]))
                if ".part" in torn.name and torn.is_file():
                    os.truncate(torn, torn.stat().st_size // 2)
                os._exit(KILLED)

        sys.addaudithook(hook)
        make(folder)

    return work


def outcomes(root: Path, expected: dict[str, str]) -> Iterator[tuple[int, bool]]:
    """Each file event, and whether the try after it ends as an undisturbed one."""
    event = 1
    while True:
        folder = root / f"{event}"
        folder.mkdir()
        if in_a_child(killed(folder, event)) != KILLED:
            return
        again = in_a_child(lambda folder=folder: make(folder))  # type: ignore[misc]
        found = content(folder) if again == 0 else {}
        if found != expected:
            wrong = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
            sys.stderr.write(f"event {event}: {wrong}, left: {found.get('left')}\n")
        yield event, found == expected
        shutil.rmtree(folder)
        event += 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "undisturbed").mkdir()
        make(root / "undisturbed")  # which imports all that the forks need
        found = dict(outcomes(root, content(root / "undisturbed")))
    wrong = [event for event, right in found.items() if not right]
    sys.stdout.write(json.dumps({"events": len(found), "wrong": wrong}))
