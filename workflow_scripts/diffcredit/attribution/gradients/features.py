"""Projected gradients of single images: phi(x) = P^T mean over timesteps of grad f(x, t, e).

The features of TRAK and D-TRAK (Zheng et al. 2024, arXiv 2311.00500, section 3) for networks of the
layers in `layers`, in one forward and one backward pass for a batch of images. The gradient of the
whole network is never stored, not even for one image.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from torch.backends import cudnn

from diffcredit.attribution.gradients.functions import Function, loss
from diffcredit.attribution.gradients.layers import ProjectedLayer, Projector, layers_of
from diffcredit.attribution.gradients.states import States


class GradientFeatures(NamedTuple):
    """Projected gradients and residuals of n images.

    Attributes:
        gradients: (n, Z) float32.
        residuals: (n,) float32, root mean squared error of the predicted noise, averaged over
            timesteps; `scores.das` says how its authors' code differs.
    """

    gradients: torch.Tensor
    residuals: torch.Tensor


def gradient_features(
    network: nn.Module,
    function: Function,
    states: States,
    projector: Projector,
    batch_size: int,
) -> GradientFeatures:
    """The gradient features of each image, on the device of the images.

    Args:
        network: the denoising network; it is not changed.
        function: f of a prediction, a number for each noised image.
        states: the noised images.
        projector: projects the gradients.
        batch_size: noised images in a batch; features do not depend on it.
    """
    layers = layers_of(network, projector)
    images = torch.arange(len(states))
    timesteps = torch.arange(len(states.timesteps))
    total = states.clean.new_zeros(len(images), projector.dimensions)
    residuals = states.clean.new_zeros(len(images))
    # TF32, the default on GPUs, rounds by up to 1e-3; that is too much for agreement with a CPU.
    with _only_activations(network), cudnn.flags(enabled=True, allow_tf32=False):
        for part in images.split(max(1, batch_size // len(timesteps))):
            here = slice(int(part[0]), int(part[-1]) + 1)
            for times in timesteps.split(batch_size):
                with _recorded(layers, total[here]):
                    found = states.predict(network, part, times)
                    function(found).sum().backward()
                missed = loss(found).detach().sqrt()
                residuals[here] += missed.unflatten(0, (len(part), -1)).sum(1)
    return GradientFeatures(total.div_(len(timesteps)), residuals.div_(len(timesteps)))


@contextmanager
def _only_activations(network: nn.Module) -> Iterator[None]:
    """Backpropagate through a network, but not to its parameters."""
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    training = network.training
    network.eval()
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        network.train(training)
        for parameter in learned:
            parameter.requires_grad_(True)


@contextmanager
def _recorded(layers: list[ProjectedLayer], total: torch.Tensor) -> Iterator[None]:
    """Within the block, each backward pass adds to the (images, Z) total."""
    hooks = [
        placed.module.register_forward_hook(partial(_listen, placed, total)) for placed in layers
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _listen(
    placed: ProjectedLayer,
    total: torch.Tensor,
    module: nn.Module,
    given: tuple[torch.Tensor, ...],
    output: torch.Tensor,
) -> None:
    kept = placed.layer.saw(given[0].detach())

    def came_back(gradient: torch.Tensor) -> None:
        placed.place.add(placed.layer.gradient(kept, gradient, len(total)), total)

    # The outputs of the first layers do not depend on anything that requires a gradient.
    output.requires_grad_(True).register_hook(came_back)
