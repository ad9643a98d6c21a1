"""Features against a loop of autograd, and what a projection keeps."""

import copy
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DModel
from torch import nn
from trainings import FAMILY, predict

from diffcredit.attribution.gradients import functions
from diffcredit.attribution.gradients.features import gradient_features
from diffcredit.attribution.gradients.layers import layers_of
from diffcredit.attribution.gradients.projection import Exact, Projection
from diffcredit.attribution.gradients.states import States, timesteps
from diffcredit.errors import UserError

TIMESTEPS = torch.tensor([0, 10, 30])
FUNCTIONS = {
    "loss": functions.loss,
    "squared_norm": functions.squared_norm,
    "mean": functions.mean,
    "l1": functions.l1,
    "l2": functions.l2,
    "linf": functions.linf,
    "elbo": functions.elbo,
}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def noise() -> torch.Tensor:
    return torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def noised(images: torch.Tensor, noise: torch.Tensor) -> States:
    return States(FAMILY, images[:, None], TIMESTEPS, noise)


def size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def in_order(module: nn.Module, gradients: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """A module's gradient as `Exact` lays it out: a bias is a last column of a weight."""
    weight, bias = gradients.get(f"{name}.weight"), gradients.get(f"{name}.bias")
    assert weight is not None
    if bias is None or weight.ndim == 1:
        parts = [weight] if bias is None else [weight, bias]
        return torch.cat([part.flatten() for part in parts])
    return torch.cat([weight.flatten(1), bias[:, None]], 1).flatten()


def by_autograd(
    network: nn.Module, function: functions.Function, images: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """(n, parameters), an image and a timestep after the other."""
    schedule = FAMILY.schedule
    rows = []
    for image in images[:, None]:
        network.zero_grad()
        for timestep, added in zip(TIMESTEPS[:, None], noise[:, None], strict=True):
            noised = schedule.add_noise(image, added, timestep)
            predicted = predict(network, noised, timestep)
            function(functions.Prediction(predicted, added, timestep, schedule)).sum().backward()
        found = {n: p.grad / len(TIMESTEPS) for n, p in network.named_parameters()}
        owners = [(n, m) for n, m in network.named_modules() if list(m.parameters(recurse=False))]
        rows.append(torch.cat([in_order(m, found, n) for n, m in owners]))
    return torch.stack(rows)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_exact_features_are_the_gradients(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor, name: str
) -> None:
    projector = Exact(size(network))
    found = gradient_features(
        network, FUNCTIONS[name], noised(images, noise), projector, 6
    ).gradients
    expected = by_autograd(network, FUNCTIONS[name], images, noise)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_residuals_are_errors_whatever_the_function(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    states, projector = noised(images, noise), Projection(8, 0)
    found = states.predict(network, torch.arange(5), torch.arange(3))
    errors = (found.predicted - found.noise).square().flatten(1).mean(1).sqrt().detach()
    for function in (functions.loss, functions.mean):
        residuals = gradient_features(network, function, states, projector, 6).residuals
        torch.testing.assert_close(residuals, errors.reshape(5, 3).mean(1))


def test_each_timestep_may_noise_an_image_of_its_own(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    """The features are then the mean of those of one timestep each, whatever the batch."""
    own = torch.stack([images[:3], images[2:], images[[1, 4, 0]]], 1)
    projector = Exact(size(network))
    whole = States(FAMILY, own, TIMESTEPS, noise)
    singles = [
        States(FAMILY, own[:, [k]], TIMESTEPS[[k]], noise[[k]]) for k in range(len(TIMESTEPS))
    ]
    for batch_size in (1, 2, 9):
        found = gradient_features(network, functions.loss, whole, projector, batch_size)
        parts = [gradient_features(network, functions.loss, one, projector, 9) for one in singles]
        mean = torch.stack([part.gradients for part in parts]).mean(0)
        torch.testing.assert_close(found.gradients, mean, rtol=1e-4, atol=1e-6)


def test_timesteps() -> None:
    assert timesteps(1000, 4, "uniform").tolist() == [0, 250, 500, 750]
    assert timesteps(1000, 3, "cumulative").tolist() == [0, 1, 2]
    with pytest.raises(UserError, match=r"timesteps = 3: must divide model\.timesteps = 1000"):
        timesteps(1000, 3, "uniform")


class Tokens(nn.Module):
    """The layers that a U-Net without text does not have, on tokens instead of timesteps."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.table = nn.Embedding(7, 6)
        self.norm = nn.LayerNorm(6)
        self.out = nn.Linear(6, 4, bias=False)
        self.strided = nn.Conv2d(1, 2, 3, stride=2, padding=1, dilation=2)
        self.uneven = nn.Conv2d(1, 3, (3, 1), stride=3, padding=(1, 0))

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """A prediction as a U-Net gives it."""
        tokens = self.table(torch.stack([timestep % 7, (timestep + 2) % 7], 1))
        mixed = self.out(torch.tanh(self.norm(tokens))).flatten(1).sum(1)
        planes = self.strided(sample).flatten(1).sum(1) + self.uneven(sample).flatten(1).sum(1)
        return SimpleNamespace(sample=sample * torch.tanh(mixed + planes)[:, None, None, None])


def test_embedding_layer_norm_and_dilated_convolution(
    images: torch.Tensor, noise: torch.Tensor
) -> None:
    network = Tokens()
    projector = Exact(size(network))
    found = gradient_features(
        network, functions.loss, noised(images, noise), projector, 6
    ).gradients
    expected = by_autograd(network, functions.loss, images, noise)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@dataclass(frozen=True)
class Unfolded(Exact):
    """The factors are projected, and nothing else is lost."""

    def factor(self, size: int, layer: str, role: str) -> torch.Tensor | None:
        """Of a projection to 4 directions."""
        return Projection(1, seed=0, side=4).factor(size, layer, role)


def test_factors_of_the_gradients_are_projected(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    """L G R^T of the gradient G of each weight, for each place of a kernel."""
    exact = by_autograd(network, functions.loss, images, noise)
    expected, start = [], 0
    projector = Unfolded(size(network))
    for name, module in network.named_modules():
        if not list(module.parameters(recurse=False)):
            continue
        own = exact[:, start : start + size(module)]
        start += size(module)
        if isinstance(module, nn.GroupNorm):
            expected.append(own)
            continue
        outputs, inputs = module.weight.shape[:2]
        left = projector.factor(outputs, name, "outputs")
        right = projector.factor(inputs, name, "inputs")
        left = torch.eye(outputs) if left is None else left
        right = torch.eye(inputs) if right is None else right
        rows = left @ own.unflatten(1, (outputs, -1))
        weight = rows[..., :-1].unflatten(2, (inputs, -1))
        weight = torch.einsum("moip,ri->morp", weight, right).flatten(2)
        expected.append(torch.cat([weight, rows[..., -1:]], 2).flatten(1))
    states = noised(images, noise)
    found = gradient_features(network, functions.loss, states, projector, 6).gradients
    wanted = torch.cat(expected, 1)
    torch.testing.assert_close(found[:, : wanted.shape[1]], wanted, rtol=1e-3, atol=1e-5)
    assert (found[:, wanted.shape[1] :] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("projector", [Projection(64, seed=0), Projection(64, seed=0, side=4)])
def test_features_depend_on_neither_batch_nor_order(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor, projector: Projection
) -> None:
    def found(images: torch.Tensor, batch_size: int) -> torch.Tensor:
        states = noised(images, noise)
        return gradient_features(network, functions.loss, states, projector, batch_size).gradients

    whole = found(images, 15)
    scale = whole.abs().max().item()
    for batch_size in (1, 2, 3, 7):
        torch.testing.assert_close(found(images, batch_size), whole, rtol=1e-4, atol=1e-5 * scale)
    torch.testing.assert_close(
        found(images.flip(0), 6), whole.flip(0), rtol=1e-4, atol=1e-5 * scale
    )


def test_other_kernels_give_the_same_features(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    """Another device rounds otherwise: no more than that may differ, and no draw."""

    def found() -> torch.Tensor:
        torch.manual_seed(int(torch.randint(1000, ())))  # nothing is drawn from the global state
        states = noised(images, noise)
        return gradient_features(
            network, functions.loss, states, Projection(64, seed=0), 6
        ).gradients

    one = found()
    with torch.backends.mkldnn.flags(enabled=False):
        other = found()
    assert not torch.equal(one, other)
    error = (one - other).norm(dim=1) / one.norm(dim=1)
    assert (error < 1e-4).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_and_gpu_give_the_same_features(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    """Everything that is drawn is drawn on the CPU."""
    on_cpu, on_gpu = (
        gradient_features(
            copy.deepcopy(network).to(device),
            functions.loss,
            noised(images.to(device), noise),
            Projection(64, seed=0),
            6,
        ).gradients.cpu()
        for device in ("cpu", "cuda")
    )
    error = (on_cpu - on_gpu).norm(dim=1) / on_cpu.norm(dim=1)
    assert (error < 1e-3).all()


def test_network_is_left_as_it_was(
    network: UNet2DModel, images: torch.Tensor, noise: torch.Tensor
) -> None:
    network.train().requires_grad_(True)
    network.conv_in.bias.requires_grad_(False)
    gradient_features(network, functions.mean, noised(images, noise), Projection(8, 0), 15)
    assert network.training
    assert not network.conv_in.bias.requires_grad
    assert network.conv_in.weight.requires_grad
    assert not any(module._forward_hooks for module in network.modules())
    network.requires_grad_(True)


@pytest.mark.parametrize("side", [4, 64])
def test_projection_keeps_inner_products_on_average(side: int) -> None:
    """Over seeds, for factors that are projected and for such that are not."""
    torch.manual_seed(0)
    layer = nn.Conv2d(12, 10, 3, padding=1)
    given, back = torch.randn(4, 12, 5, 5), torch.randn(4, 10, 5, 5)

    def products(projector: Projection | Exact) -> torch.Tensor:
        (placed,) = layers_of(nn.Sequential(layer), projector)
        total = torch.zeros(4, projector.dimensions)
        placed.place.add(placed.layer.gradient(placed.layer.saw(given), back, 4), total)
        return total @ total.T

    exact = products(Exact(size(layer)))
    drawn = torch.stack([products(Projection(256, seed, side)) for seed in range(400)])
    error = drawn.std(0) / 400**0.5
    assert ((drawn.mean(0) - exact).abs() < 5 * error + 1e-6).all()
    assert (drawn.std(0) > 0).all()


def test_factors_are_random_directions_of_the_right_length() -> None:
    factor = Projection(16, seed=0, side=8).factor(40, "layer", "inputs")
    assert factor is not None
    torch.testing.assert_close(factor @ factor.T, torch.eye(8) * 40 / 8, rtol=0, atol=1e-5)
    assert Projection(16, seed=0, side=40).factor(40, "layer", "inputs") is None


def test_every_entry_falls_into_one_bucket() -> None:
    buckets = Projection(16, seed=0).fold(50, "layer", offset=0)
    total = torch.zeros(50, 16)
    buckets.add(torch.eye(50), total)
    assert (total.abs().sum(1) == 1).all()
    assert (total.abs().sum(0) <= 4).all()
    assert {-1.0, 1.0} <= set(total.flatten().tolist())


def test_projections_of_layers_and_seeds_differ() -> None:
    drawn = [
        Projection(64, seed=seed, side=8).fold(64, layer, offset=0).order
        for seed, layer in [(0, "a"), (0, "b"), (1, "a")]
    ]
    assert not any(torch.equal(drawn[0], other) for other in drawn[1:])
    again = Projection(64, seed=0, side=8).fold(64, "a", offset=0).order
    assert torch.equal(drawn[0], again)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Bilinear(2, 2, 2), "Bilinear are not known"),
        (nn.Conv2d(2, 2, 3, groups=2), "grouped convolutions"),
        (nn.Conv2d(2, 2, 3, padding_mode="circular"), "padding other than with zeros"),
    ],
)
def test_unknown_layers_are_told(layer: nn.Module, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        layers_of(nn.Sequential(layer), Projection(8, seed=0))
