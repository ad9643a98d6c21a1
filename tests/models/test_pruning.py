"""Pruning makes networks really smaller, and leaves the one it was given alone."""

import pytest
import torch
import torch_pruning as tp
from diffusers.models.attention_processor import Attention

from diffcredit.config import Model
from diffcredit.errors import UserError
from diffcredit.models import ddpm
from diffcredit.models.checkpoints import Description, Trained
from diffcredit.models.pruning import magnitude, prune

IMAGES, TIMES = torch.randn(2, 1, 8, 8), torch.tensor([3, 40])


def untrained(channels: list[int], norm_groups: int, head_dim: int) -> Trained:
    model = Model(channels=channels, norm_groups=norm_groups, head_dim=head_dim)
    description = Description(ddpm.architecture(model, 8, 1))
    return Trained(description.build(0).eval(), description)


def predict(trained: Trained) -> torch.Tensor:
    with torch.inference_mode():
        return ddpm.predict(trained.network, IMAGES, TIMES)


def parameters(trained: Trained) -> int:
    return sum(p.numel() for p in trained.network.parameters())


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.7])
def test_pruned_network_is_smaller_and_draws_the_same_shape(network: Trained, ratio: float) -> None:
    pruned, size = prune(network, magnitude(), ratio)
    assert predict(pruned).shape == IMAGES.shape
    assert torch.isfinite(predict(pruned)).all()
    assert size["parameters_before"] == parameters(network)
    assert size["parameters_after"] == parameters(pruned) < parameters(network)
    assert size["multiply_adds_after"] < size["multiply_adds_before"]
    for module in pruned.network.modules():
        if isinstance(module, Attention):
            assert module.to_q.out_features % module.heads == 0


@pytest.mark.parametrize("ratio", [0.2, 0.5])
def test_ratio_is_the_fraction_of_channels_removed(network: Trained, ratio: float) -> None:
    """Weights of a layer shrink by the square of what is left of the channels."""
    pruned, _ = prune(network, magnitude(), ratio)
    left = parameters(pruned) / parameters(network)
    assert left == pytest.approx((1 - ratio) ** 2, abs=0.12)


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
    sizes = [prune(full, magnitude(), ratio)[1] for ratio in ratios]
    for what in ("parameters_after", "multiply_adds_after"):
        left = [size[what] for size in sizes]
        assert left == sorted(left, reverse=True)


def test_full_network_is_left_alone(network: Trained) -> None:
    before = {name: weight.clone() for name, weight in network.network.state_dict().items()}
    expected = predict(network)
    prune(network, magnitude(), 0.5)
    after = network.network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert torch.equal(predict(network), expected)
    assert network.description.pruning == []


def test_channels_of_small_weights_go_first(network: Trained) -> None:
    """Channels that do nothing go without a trace in the output."""
    silent = network.copy()
    block = silent.network.down_blocks[0].resnets[0]
    with torch.no_grad():  # 4 of the 8 channels between the two convolutions
        idle = [0, 1, 4, 5]
        block.conv1.weight[idle] = block.conv1.bias[idle] = 0
        block.conv2.weight[:, idle] = 0
        block.time_emb_proj.weight[idle] = block.time_emb_proj.bias[idle] = 0

    importance = magnitude()
    graph = tp.DependencyGraph().build_dependency(
        silent.network, {"sample": IMAGES[:1], "timestep": TIMES[:1]}
    )
    group = graph.get_pruning_group(block.conv1, tp.prune_conv_out_channels, list(range(8)))
    ranked = importance(group).argsort()[:4]
    assert sorted(ranked.tolist()) == idle


def test_pruning_is_repeatable(network: Trained) -> None:
    first, again = (prune(network, magnitude(), 0.5)[0] for _ in range(2))
    assert first.description == again.description
    assert torch.equal(predict(first), predict(again))


def test_ratio_that_rounds_to_nothing_is_told() -> None:
    with pytest.raises(UserError, match=r"pruned\.ratio = 0\.97"):
        prune(untrained([8, 16], 8, 8), magnitude(), 0.97)


def test_hint_after_a_ratio_that_is_too_large_is_a_smaller_one() -> None:
    with pytest.raises(UserError) as told:
        prune(untrained([8, 16], 8, 8), magnitude(), 0.97)
    assert "a larger ratio" not in str(told.value)
