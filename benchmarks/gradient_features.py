"""Images per second of projected gradients, against torch.func.vmap(grad), and what they keep.

    python benchmarks/gradient_features.py digits
    python benchmarks/gradient_features.py cifar
    python benchmarks/gradient_features.py digits --model results/digits/models/full

Three ways to the features of one batch, one after the other in this process: ours; per-sample
gradients by vmap(grad), alone; and these times a dense Gaussian matrix, which is drawn block by
block for the batch, since no memory holds it. Then the inner products of pairs of images, projected
against exact. Images are scikit-learn's digits, enlarged and in color for the large network.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

from diffcredit.attribution.gradients import functions
from diffcredit.attribution.gradients.features import gradient_features
from diffcredit.attribution.gradients.projection import Exact, Projection
from diffcredit.attribution.gradients.states import States
from diffcredit.models import checkpoints, families
from diffcredit.models.families import Family
from diffcredit.models.families.pixel import Pixel

#: The network of DDPM on CIFAR-10 (Ho et al. 2020, arXiv 2006.11239), with 8 channels a head.
CIFAR = Pixel.Options(
    family="pixel",
    channels=[128, 256, 256, 256],
    attention=[False, True, False, False],
    layers_per_block=2,
    norm_groups=32,
    head_dim=8,
)


@dataclass(frozen=True)
class Kind:
    """A network and what is done with it.

    Attributes:
        model: its settings.
        side, channels: of its images.
        batch_size: images x timesteps at a time for ours; memory holds their activations.
        pairs: of images whose inner products are compared; memory holds their exact gradients.
    """

    model: Pixel.Options
    side: int
    channels: int
    batch_size: int
    pairs: int


KINDS = {
    "digits": Kind(Pixel.Options(family="pixel"), 8, 1, 160, 10_000),
    "cifar": Kind(CIFAR, 32, 3, 20, 1_000),
}


@dataclass(frozen=True)
class Task:
    """Features of which images, of what network."""

    family: Family
    network: nn.Module
    images: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor
    projection: Projection
    batch_size: int


def digits(images: int, side: int, channels: int) -> torch.Tensor:
    """(n, c, h, w) in [-1, 1], drawn from scikit-learn's digits."""
    pixels = torch.from_numpy(load_digits().images).float()[:, None] / 8 - 1
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))[:images]
    grown = nn.functional.interpolate(pixels[order], size=side, mode="bilinear")
    return grown.expand(-1, channels, -1, -1).contiguous()


def make_task(arguments: argparse.Namespace) -> Task:
    """The batch that all ways are timed on."""
    kind = KINDS[arguments.network]
    side, channels = kind.side, kind.channels
    if arguments.model:
        trained = checkpoints.load(arguments.model)
    else:
        trained = checkpoints.fresh(families.build(kind.model, side, channels), seed=0)
    stride = kind.model.timesteps // arguments.timesteps
    timesteps = torch.arange(arguments.timesteps) * stride
    noise = torch.randn(
        (arguments.timesteps, channels, side, side), generator=torch.Generator().manual_seed(1)
    )
    return Task(
        trained.family,
        trained.network.to(arguments.device).eval(),
        digits(arguments.images, side, channels).to(arguments.device),
        timesteps,
        noise,
        Projection(arguments.dimensions, seed=0),
        arguments.batch_size or kind.batch_size,
    )


def by_layers(task: Task, projector: Projection | Exact) -> torch.Tensor:
    """Features by the library."""
    states = States(task.family, task.images[:, None], task.timesteps, task.noise)
    return gradient_features(
        task.network, functions.loss, states, projector, task.batch_size
    ).gradients


def ours(task: Task) -> torch.Tensor:
    """Projected."""
    return by_layers(task, task.projection)


def exact(task: Task) -> torch.Tensor:
    """The gradients themselves."""
    return by_layers(task, Exact(sum(parameter.numel() for parameter in task.network.parameters())))


def by_vmap(task: Task) -> torch.Tensor:
    """(n, parameters) by torch.func, the batch at a time, the timesteps one after the other."""
    network, schedule = task.network, task.family.schedule
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    device = task.images.device

    def loss(
        weights: dict[str, torch.Tensor],
        image: torch.Tensor,
        timestep: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        noised = schedule.add_noise(image[None], noise[None], timestep[None])
        predicted = torch.func.functional_call(network, weights, (noised, timestep[None])).sample
        return (predicted - noise).square().mean()

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, None, None))
    total: torch.Tensor | None = None
    for timestep, noise in zip(task.timesteps.to(device), task.noise.to(device), strict=True):
        found = gradient(weights, task.images, timestep, noise)
        flat = torch.cat([part.flatten(1) for part in found.values()], 1)
        total = flat if total is None else total.add_(flat)
    assert total is not None
    return total / len(task.timesteps)


def by_dense_projection(task: Task) -> torch.Tensor:
    """The same times a Gaussian matrix, drawn in blocks of 4,096 parameters."""
    gradients = by_vmap(task)
    generator = torch.Generator(gradients.device).manual_seed(0)
    width = task.projection.dimensions
    total = gradients.new_zeros(len(gradients), width)
    for block in gradients.split(4096, dim=1):
        drawn = torch.randn(block.shape[1], width, generator=generator, device=gradients.device)
        total += block @ drawn
    return total / width**0.5


def seconds(way: Callable[[Task], torch.Tensor], task: Task, repeats: int) -> float:
    """The least of some runs; the first one also warms up where there are more."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        way(task).cpu()  # waits for a GPU
        taken.append(time.perf_counter() - began)
    return min(taken)


def plain_pass(task: Task) -> torch.Tensor:
    """One forward and one backward pass for each batch, with the gradients of the parameters."""
    states = States(task.family, task.images[:, None], task.timesteps, task.noise)
    times = torch.arange(len(task.timesteps))
    for rows in torch.arange(len(task.images)).split(max(1, task.batch_size // len(times))):
        for some in times.split(task.batch_size):
            functions.loss(states.predict(task.network, rows, some)).sum().backward()
    return task.images


def peak(way: Callable[[Task], torch.Tensor], arguments: argparse.Namespace) -> float:
    """Largest memory in bytes of a process that does nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, way, arguments).result()


def _peak(way: Callable[[Task], torch.Tensor], arguments: argparse.Namespace) -> float:
    way(make_task(arguments))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def kept(task: Task) -> tuple[int, float]:
    """Number of pairs of images, and how their inner products correlate with the exact ones."""
    above = np.triu_indices(len(task.images), 1)
    products = [_products(way(task))[above] for way in (ours, exact)]
    return len(above[0]), float(np.corrcoef(products)[0, 1])


def _products(features: torch.Tensor) -> np.ndarray:
    return (features @ features.T).cpu().numpy()


def main() -> None:
    """Print seconds, ratios, memory and correlation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", choices=KINDS)
    parser.add_argument("--model", type=Path, help="folder of a trained model of that network")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--timesteps", type=int, default=10)
    parser.add_argument("--dimensions", type=int, default=4096)
    parser.add_argument("--batch-size", type=int, help="images x timesteps at a time, for ours")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow-repeats", type=int, default=2, help="of the other two ways")
    parser.add_argument("--pairs", type=int, help="whose products are compared; 0: none")
    parser.add_argument("--memory", action="store_true", help="two more processes, to see theirs")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    task = make_task(arguments)
    parameters = sum(parameter.numel() for parameter in task.network.parameters())
    print(f"{arguments.network}: {parameters:,} parameters, {torch.get_num_threads()} threads")
    fast = seconds(ours, task, arguments.repeats)
    print(f"ours                   {fast:9.2f} s  {len(task.images) / fast:9.2f} images/s")
    if arguments.memory:
        allowed = 4 * (parameters + len(task.images) * arguments.dimensions * 4)
        used, plain = (peak(way, arguments) for way in (ours, plain_pass))
        print(f"peak memory of a process  {used / 1e6:9,.0f} MB")
        print(f"of a plain training pass  {plain / 1e6:9,.0f} MB")
        print(f"4 (parameters + 4 batch Z) {allowed / 1e6:8,.0f} MB")
    for name, way in (("vmap(grad)", by_vmap), ("vmap(grad) x Gaussian", by_dense_projection)):
        slow = seconds(way, task, arguments.slow_repeats)
        print(
            f"{name:22} {slow:9.2f} s  {len(task.images) / slow:9.2f} images/s  "
            f"ratio {slow / fast:.1f}"
        )
    wanted = KINDS[arguments.network].pairs if arguments.pairs is None else arguments.pairs
    if wanted:
        arguments.images = int(np.ceil((1 + np.sqrt(1 + 8 * wanted)) / 2))
        pairs, correlation = kept(make_task(arguments))
        print(f"correlation of {pairs:,} inner products with the exact ones: {correlation:.4f}")


if __name__ == "__main__":
    main()
