"""Pruning makes networks really smaller, and leaves the one it was given alone."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch_pruning as tp
import trainings
from diffusers.models.attention_processor import Attention
from trainings import encoded

from diffcredit.errors import UserError
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.random_channels import Random, RandomImportance, Reinit
from diffcredit.models.pruning.structure import Material, prune
from diffcredit.models.pruning.taylor import Taylor, accumulate_gradients
from diffcredit.registry import PRUNERS, build

IMAGES = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
TIMES = torch.tensor([3, 40])
DRAWN = torch.Generator().manual_seed(0)
MATERIAL = Material(
    encoded(torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8, generator=DRAWN)),
    seed=0,
    device="cpu",
)
OPTIONS = {
    "taylor": {"images": 4},
    "diff_pruning": {"images": 4, "threshold": 0.05, "stopping_level": True},
}


def untrained(channels: list[int], norm_groups: int, head_dim: int) -> Trained:
    model = Pixel.Options(
        family="pixel", channels=channels, norm_groups=norm_groups, head_dim=head_dim
    )
    return trainings.untrained(model)


def predict(trained: Trained) -> torch.Tensor:
    with torch.inference_mode():
        return trainings.predict(trained.network, IMAGES, TIMES)


def parameters(trained: Trained) -> int:
    return sum(p.numel() for p in trained.network.parameters())


def same_bits(first: Trained, second: Trained) -> bool:
    a, b = first.network.state_dict(), second.network.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def pruned(pruner: str, trained: Trained, ratio: float, material: Material = MATERIAL) -> Trained:
    settings = {"name": pruner} | OPTIONS.get(pruner, {})
    return build(PRUNERS, settings).prune(trained, ratio, material)[0]


@pytest.mark.slow
@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_leaves_a_smaller_network_that_trains_and_survives_its_files(
    tmp_path: Path, network: Trained, pruner: str
) -> None:
    before = network.copy()
    smaller = pruned(pruner, network, 0.5)
    assert parameters(smaller) < 0.5 * parameters(network)
    assert same_bits(network, before)
    assert all(p.grad is None for p in network.network.parameters())

    optimizer = torch.optim.Adam(smaller.network.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = trainings.predict(smaller.network, IMAGES, TIMES).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]

    checkpoints.save(smaller, tmp_path / "pruned")
    back = checkpoints.load(tmp_path / "pruned")
    assert torch.equal(predict(back), predict(smaller))
    assert back.structure == smaller.structure


@pytest.mark.slow
@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_repeats_to_the_bit(network: Trained, pruner: str) -> None:
    torch.rand(3)  # nothing is drawn from the global state
    first = pruned(pruner, network, 0.5)
    again = pruned(pruner, network, 0.5)
    assert first.structure == again.structure
    assert same_bits(first, again)


@pytest.mark.parametrize("pruner", ["random", "reinit", "taylor"])
def test_what_is_drawn_depends_on_the_seed(network: Trained, pruner: str) -> None:
    other = Material(MATERIAL.examples, seed=1, device="cpu")
    assert pruned(pruner, network, 0.5).structure != (pruned(pruner, network, 0.5, other).structure)


RATIOS = [0.01, 0.3, 0.6, 0.9]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "norm_groups", "head_dim"),
    [([8, 16], 2, 4), ([16, 32], 8, 8), ([8, 8], 2, 1), ([20, 40], 2, 2), ([8, 16], 8, 8)],
)
def test_any_ratio_gives_a_smaller_network_or_says_which_are_possible(
    channels: list[int], norm_groups: int, head_dim: int
) -> None:
    """Also just what the message names: rounding must not let a layer slip through unpruned."""
    full = untrained(channels, norm_groups, head_dim)
    largest = int(1000 * (1 - norm_groups / min(channels)) + 1e-6) / 1000
    told = f"at most {largest:g}" if largest else "none; fewer model.norm_groups"
    ratios = [*RATIOS, largest + 0.001, largest or 0.5]
    for ratio in [ratio for ratio in ratios if ratio > largest]:
        with pytest.raises(UserError, match=rf"pruned\.ratio = {ratio}.*{told}"):
            Magnitude().prune(full, ratio, MATERIAL)
    for ratio in [ratio for ratio in ratios if ratio <= largest]:
        smaller, _ = Magnitude().prune(full, ratio, MATERIAL)
        assert predict(smaller).shape == IMAGES.shape
        for name, module in smaller.network.named_modules():
            before = full.network.get_submodule(name)
            if isinstance(module, torch.nn.GroupNorm):
                left = module.num_channels / before.num_channels
                assert norm_groups / before.num_channels <= left <= 1 - ratio + 1e-9
            if isinstance(module, Attention):
                heads = module.heads
                left = module.to_q.out_features // heads
                assert module.to_q.out_features % heads == 0
                assert left == max(1, int(head_dim * (1 - ratio + 1e-6)))


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.7])
def test_size_is_that_of_the_networks(network: Trained, ratio: float) -> None:
    smaller, size = Magnitude().prune(network, ratio, MATERIAL)
    assert torch.isfinite(predict(smaller)).all()
    assert size["parameters_before"] == parameters(network)
    assert size["parameters_after"] == parameters(smaller) < parameters(network)
    assert size["multiply_adds_after"] < size["multiply_adds_before"]


@pytest.mark.parametrize("ratio", [0.2, 0.5])
def test_ratio_is_the_fraction_of_channels_removed(network: Trained, ratio: float) -> None:
    """Weights of a layer shrink by the square of what is left of the channels."""
    smaller, _ = Magnitude().prune(network, ratio, MATERIAL)
    left = parameters(smaller) / parameters(network)
    assert left == pytest.approx((1 - ratio) ** 2, abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "norm_groups", "head_dim", "ratios"),
    [
        ([8, 16], 2, 4, [0.2, 0.5, 0.75]),
        ([16, 32], 8, 8, [0.2, 0.4, 0.5]),
        ([8, 16], 4, 8, [0.1, 0.3, 0.5]),
    ],
)
def test_larger_ratio_never_leaves_a_larger_network(
    channels: list[int], norm_groups: int, head_dim: int, ratios: list[float]
) -> None:
    full = untrained(channels, norm_groups, head_dim)
    sizes = [Magnitude().prune(full, ratio, MATERIAL)[1] for ratio in ratios]
    for what in ("parameters_after", "multiply_adds_after"):
        left = [size[what] for size in sizes]
        assert left == sorted(left, reverse=True)


def test_full_network_is_left_alone(network: Trained) -> None:
    before = {name: weight.clone() for name, weight in network.network.state_dict().items()}
    expected = predict(network)
    Taylor(images=2).prune(network, 0.5, MATERIAL)
    after = network.network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert torch.equal(predict(network), expected)
    assert network.structure.pruning == []


def scores(
    network: torch.nn.Module,
    rank: Callable[[torch.nn.Module], tp.importance.Importance],
    layer: torch.nn.Module,
) -> torch.Tensor:
    """What a ranking says of the output channels of a layer."""
    importance = rank(network)
    inputs = {"sample": IMAGES[:1], "timestep": TIMES[:1]}
    graph = tp.DependencyGraph().build_dependency(network, inputs)
    channels = list(range(len(layer.weight)))
    return importance(graph.get_pruning_group(layer, tp.prune_conv_out_channels, channels))


def rank_of(pruner: str, network: Trained) -> Callable[..., tp.importance.Importance]:
    """The ranking that a pruner hands to `prune`."""
    found = []
    module = "diffcredit.models.pruning.structure.prune"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, lambda trained, ratio, rank: found.append(rank) or (trained, {}))
        pruned(pruner, network, 0.5)
    return found[0]


def test_channels_of_small_weights_go_first(network: Trained) -> None:
    """Channels that do nothing go without a trace in the output."""
    silent = network.copy()
    block = silent.network.down_blocks[0].resnets[0]
    with torch.no_grad():  # 4 of the 8 channels between the two convolutions
        idle = [0, 1, 4, 5]
        block.conv1.weight[idle] = block.conv1.bias[idle] = 0
        block.conv2.weight[:, idle] = 0
        block.time_emb_proj.weight[idle] = block.time_emb_proj.bias[idle] = 0
    found = scores(silent.network, rank_of("magnitude", silent), block.conv1)
    assert sorted(found.argsort()[:4].tolist()) == idle


@pytest.mark.parametrize(("pruner", "absolute_first"), [("taylor", False), ("diff_pruning", True)])
def test_taylor_scores_are_the_formula_over_all_layers_that_lose_the_channel(
    network: Trained, pruner: str, absolute_first: bool
) -> None:
    """|sum w g|, or sum |w g|: of rows of conv1 and the time projection, of columns of conv2."""
    working = network.copy().network
    block = working.down_blocks[0].resnets[0]
    found = scores(working, rank_of(pruner, network), block.conv1)
    products = [
        (block.conv1.weight * block.conv1.weight.grad).flatten(1),
        (block.time_emb_proj.weight * block.time_emb_proj.weight.grad).flatten(1),
        (block.conv2.weight * block.conv2.weight.grad).transpose(0, 1).flatten(1),
    ]
    each = [p.abs().sum(1) if absolute_first else p.sum(1).abs() for p in products]
    expected = torch.stack(each).mean(0)
    torch.testing.assert_close(found, expected / expected.mean())


class Scaled(torch.nn.Module):
    """Takes the noised image, times a weight, for the noise: the more noise, the less it errs."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.9))
        self.seen: list[torch.Tensor] = []

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor) -> SimpleNamespace:
        """As a U-Net answers."""
        self.seen.append(sample)
        return SimpleNamespace(sample=self.weight * sample)


@pytest.mark.parametrize("stopping_level", [True, False])
@pytest.mark.parametrize(("threshold", "before"), [(0.0, 5), (0.05, 3), (0.3, 2), (0.99, 1)])
def test_gradients_add_up_until_a_loss_is_small_beside_the_largest(
    threshold: float, before: int, stopping_level: bool
) -> None:
    """Of (w x_t - e)^2, with betas from 0.02 to 0.999 for 5 noise levels.

    The published code adds the gradient of the level that ends the sum; the formula does not.
    """
    every = Scaled()
    accumulate_gradients(every, trainings.family_of(5), MATERIAL, 4, 0.0)
    signal = torch.cumprod(1 - torch.linspace(1e-4 * 200, 0.999, 5), 0)
    a, s = signal.sqrt(), (1 - signal).sqrt()
    first, last = every.seen[0], every.seen[-1]
    noise = (a[0] * last - a[-1] * first) / (a[0] * s[-1] - a[-1] * s[0])
    clean = (first - s[0] * noise) / a[0]
    known = MATERIAL.examples.stored / 127.5 - 1
    chosen = (clean[:, None] - known).abs().amax((2, 3, 4)).argmin(1)
    assert len(chosen.unique()) == 4  # 4 of the 6 images
    torch.testing.assert_close(clean, known[chosen], rtol=0, atol=1e-4)
    assert noise.std().item() == pytest.approx(1, abs=0.15)

    losses, gradients = [], []
    for level in range(5):
        noised = a[level] * clean + s[level] * noise
        losses.append((0.9 * noised - noise).square().mean().item())
        gradients.append(2 * ((0.9 * noised - noise) * noised).mean().item())
    below = [n for n, loss in enumerate(losses) if loss < threshold * max(losses[: n + 1])]
    assert (below or [5])[0] == before
    expected = min(before + stopping_level, 5)

    stopped = Scaled()
    assert (
        accumulate_gradients(
            stopped, trainings.family_of(5), MATERIAL, 4, threshold, stopping_level
        )
        == expected
    )
    assert stopped.weight.grad.item() == pytest.approx(sum(gradients[:expected]), rel=1e-4)


def test_random_removes_every_channel_alike() -> None:
    graph_group = type("Group", (), {"__getitem__": lambda self, _: self, "idxs": range(10)})()
    first = [RandomImportance(seed)(graph_group).argmin().item() for seed in range(500)]
    counts = torch.bincount(torch.tensor(first), minlength=10)
    assert counts.min() > 25
    assert counts.max() < 80


def test_random_keeps_weights_and_reinit_draws_all_of_them_anew(network: Trained) -> None:
    kept, _ = Random().prune(network, 0.5, MATERIAL)
    fresh, _ = Reinit().prune(network, 0.5, MATERIAL)
    assert kept.structure == fresh.structure
    rows = network.network.conv_in.weight.flatten(1)
    assert all((rows == row).all(1).any() for row in kept.network.conv_in.weight.flatten(1))
    trained = dict(kept.network.named_parameters())
    for name, weight in fresh.network.named_parameters():
        constant = weight.unique().numel() == 1  # group norms begin at 1 and 0
        assert constant or (weight != trained[name]).float().mean() > 0.99, name


def test_reinit_draws_as_a_network_of_that_size_begins(network: Trained) -> None:
    """Uniform on +- 1 / sqrt(inputs), of the pruned layer."""
    fresh, _ = Reinit().prune(network, 0.5, MATERIAL)
    for module in fresh.network.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            bound = module.weight[0].numel() ** -0.5
            assert 0.8 * bound < module.weight.abs().max() <= bound
            assert module.bias is None or module.bias.abs().max() <= bound


def test_pruning_again_goes_on_from_the_smaller_network(network: Trained) -> None:
    once, _ = Magnitude().prune(network, 0.25, MATERIAL)
    twice, _ = Taylor(images=2).prune(once, 0.5, MATERIAL)
    assert parameters(twice) < parameters(once)
    assert predict(twice).shape == IMAGES.shape


def test_rankings_see_a_network_of_their_own(network: Trained) -> None:
    seen = []

    def rank(copied: torch.nn.Module) -> tp.importance.Importance:
        seen.append(copied)
        return tp.importance.MagnitudeImportance()

    smaller, _ = prune(network, 0.5, rank)
    assert seen[0] is not network.network
    assert smaller.network is seen[0]
