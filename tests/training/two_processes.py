"""Trains the same in two processes and in one; run by test_processes.py in a fresh interpreter.

Processes are forked, which must happen before this one computes anything.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import debug_launcher

from diffcredit.config import Model, Training
from diffcredit.files import write_tensors
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Description, Trained
from diffcredit.training.batches import Batch
from diffcredit.training.loop import Plan, make_accelerator, train
from diffcredit.training.objectives.denoise import Denoise


class Counting(Denoise):
    """Counts the images that this process computes."""

    images = 0

    def backward(
        self,
        predict: Callable[[Batch], torch.Tensor],
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """As the denoising objective."""
        self.images += len(retained.clean)
        return super().backward(predict, retained, removed, accumulate)


def work(path: str, parts: int) -> None:
    """Train and write the weights, from the first process."""
    torch.set_num_threads(1)
    model = Model(channels=[8, 16], norm_groups=4, head_dim=8, timesteps=50)
    description = Description(ddpm.architecture(model, 8, 1))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=generator)
    settings = Training(batch_size=8, warmup_steps=3, gradient_accumulation=parts)
    accelerator = make_accelerator(settings, "cpu")
    objective = Counting()
    outcome = train(
        Trained(description.build(0), description),
        objective,
        images,
        None,
        Plan("the training", {"name": "denoise"}, 10, 2e-3, model.timesteps, seed=7),
        settings,
        accelerator,
    )
    if accelerator.is_main_process:
        facts = {"processes": accelerator.num_processes, "images": objective.images}
        write_tensors(dict(outcome.trained.network.state_dict()), path, facts)


if __name__ == "__main__":
    folder, parts = Path(sys.argv[1]), json.loads(sys.argv[2])
    debug_launcher(work, (str(folder / "two.safetensors"), parts), num_processes=2)
    work(str(folder / "one.safetensors"), parts)
