"""Seconds of a step of SISS, and of its variants with two forward passes and with a coin beside it.

    python benchmarks/siss.py
    python benchmarks/siss.py --side 32
    python benchmarks/siss.py --side 64 --turns 5 --batch-size 16 --threads 2

A step is what the loop does: draw, differentiate both losses, combine, clip, Adam, moving average;
on the digits, enlarged to the side, and the network of the default configuration. The objectives
take turns, so that whatever else the machine does meets all alike; seconds are medians over them.

With F and B the seconds of a forward and a backward pass, two passes take 2 F + 2 B. SISS takes
F + B for images that count for one of the two losses alone, where these are many, and F + 2 B for
others: those at high noise levels, the fewer the more pixels there are. With a coin for each image
each is seen once: F + B.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

import torch
from accelerate import Accelerator

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

from diffcredit.config import Data, Training
from diffcredit.data import digits
from diffcredit.data.images import resized
from diffcredit.data.tensors import channels_first
from diffcredit.models import families
from diffcredit.models.checkpoints import Trained, fresh
from diffcredit.models.examples import Examples
from diffcredit.models.families.pixel import Pixel
from diffcredit.registry import OBJECTIVES, build
from diffcredit.training.loop import make_accelerator, train
from diffcredit.training.recipe import Recipe, Run

#: Fixed, so that nothing is measured before the first step.
OBJECTIVES_TIMED = {
    name: {"name": name, "scaling_norm": 0.05}
    for name in ("siss_two_pass", "siss", "siss_bernoulli")
}
STEPS = 5


def seconds(
    objective: dict[str, object],
    start: Trained,
    images: Examples,
    settings: Training,
    accelerator: Accelerator,
) -> float:
    """Of a step, from a few; a tenth of the images are removed."""
    recipe = Recipe(start.family, start, objective, STEPS, 1e-4, settings)
    cut = len(images) // 10
    made = build(OBJECTIVES, objective)
    name = str(objective["name"])
    run = Run(recipe, name, start, images[cut:], images[:cut], STEPS, seed=0)
    outcome = train(run, made, accelerator)
    return outcome.seconds / STEPS


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=8, help="of the images, in pixels")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pixels = channels_first(resized(digits.read(Data(), Path()).images.pixels, arguments.side))
    family = families.build(Pixel.Options(family="pixel"), arguments.side, pixels.shape[1])
    images, start = family.encode(pixels), fresh(family, seed=0)
    settings = Training(batch_size=arguments.batch_size)
    accelerator = make_accelerator(settings, arguments.device)
    found: dict[str, list[float]] = {name: [] for name in OBJECTIVES_TIMED}
    for _ in range(arguments.turns + 1):
        for name, objective in OBJECTIVES_TIMED.items():
            found[name].append(seconds(objective, start, images, settings, accelerator))
    taken = {name: median(each[1:]) for name, each in found.items()}  # the first warms up
    for name, each in taken.items():
        print(f"{name:16s}{1000 * each:8.1f} ms  ratio {each / taken['siss_two_pass']:.2f}")


if __name__ == "__main__":
    main()
