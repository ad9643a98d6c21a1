"""Trains the same in two processes and in one; run by test_processes.py in a fresh interpreter.

Arguments: a folder, the number of parts of a step, and objectives.

Processes are forked, which must happen before this one computes anything.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import debug_launcher
from diffusers import DDPMScheduler, UNet2DModel  # noqa: F401 - once, before the fork

from diffcredit.config import Training
from diffcredit.files import write_tensors
from diffcredit.models import families
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.registry import OBJECTIVES, build
from diffcredit.training.loop import make_accelerator, train
from diffcredit.training.recipe import Recipe, Run


def work(path: str, parts: int, name: str) -> None:
    """Train and write the weights, from the first process, and how many images it computed."""
    torch.set_num_threads(1)
    model = Pixel.Options(family="pixel", channels=[8, 16], norm_groups=4, head_dim=8, timesteps=50)
    family = families.build(model, 8, 1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=generator)
    settings = Training(batch_size=8, warmup_steps=3, gradient_accumulation=parts)
    accelerator = make_accelerator(settings, "cpu")
    counts, predict = [], Pixel.predict

    def counted(
        own: Pixel, network: torch.nn.Module, noised: torch.Tensor, *given: Any
    ) -> torch.Tensor:
        counts.append(len(noised))
        return predict(own, network, noised, *given)

    Pixel.predict = counted  # type: ignore[method-assign]
    start = Trained(family.build(family.structure, 0), family, family.structure)
    recipe = Recipe(family, start, {"name": name}, 10, 2e-3, settings)
    examples = family.encode(images)
    run = Run(recipe, "the training", start, examples[:16], examples[16:], 10, 7)
    outcome = train(run, build(OBJECTIVES, {"name": name}), accelerator)
    if accelerator.is_main_process:
        facts = {"processes": accelerator.num_processes, "images": sum(counts)}
        write_tensors(dict(outcome.trained.network.state_dict()), path, facts)


if __name__ == "__main__":
    folder, parts, objectives = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    for objective in objectives:
        target = str(folder / f"{objective}-two.safetensors")
        debug_launcher(work, (target, parts, objective), num_processes=2)
    for objective in objectives:
        work(str(folder / f"{objective}-one.safetensors"), parts, objective)
