"""What a ratio of channels leaves of a U-Net, and ratios of parameters and multiply-adds."""

from typing import get_args

import pytest
import torch
from trainings import encoded, untrained

from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import unet_sizes as ratios
from diffcredit.models.families.pixel import Pixel
from diffcredit.models.families.unet_sizes import Target, UNet, channel_ratio, removed, size
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.structure import Material

MATERIAL = Material(encoded(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)), 0, "cpu")
TARGETS = get_args(Target)
#: channels, attention, layers, norm groups, head dimension, side, channels of the images
NETWORKS = [
    ([16, 32], [False, True], 1, 8, 8, 8, 1),
    ([8, 16], [True, False], 2, 2, 4, 8, 3),
    ([8, 8], [False, False], 1, 2, 1, 8, 1),
    ([10, 20], [False, True], 1, 2, 2, 16, 3),
    ([8, 16, 16], [False, True, False], 2, 4, 16, 16, 3),
]
#: The networks of CIFAR-10 and CIFAR-20 in D-TRAK and the crediting paper, and CelebA-HQ's.
CIFAR = UNet((128, 256, 256, 256), (False, True, False, False), 2, 32, None, 3, 32)
CELEBA = UNet((224, 448, 672, 896), (False, True, True, True), 2, 32, 32, 3, 64)
DIGITS = UNet((16, 32), (False, True), 1, 8, 8, 1, 8)
FINE = UNet((64, 128, 256), (False, True, True), 2, 4, 8, 1, 32)


def network_of(number: int) -> tuple[Trained, UNet]:
    channels, attention, layers, groups, head, side, colors = NETWORKS[number]
    settings = Pixel.Options(
        family="pixel",
        channels=channels,
        attention=attention,
        layers_per_block=layers,
        norm_groups=groups,
        head_dim=head,
    )
    trained = untrained(settings, channels=colors, side=side)
    return trained, ratios.unet(trained.structure.architecture)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(NETWORKS)))
def test_sizes_are_those_of_the_pruned_network(number: int) -> None:
    """Counted by torch-pruning, of networks that it pruned."""
    trained, network = network_of(number)
    for ratio in {0.1, 0.3, network.largest_ratio}:
        if ratio <= network.largest_ratio:
            _, counted = Magnitude().prune(trained, ratio, MATERIAL)
            for target in TARGETS:
                assert size(network, target) == counted[f"{target}_before"]
                assert size(network, target, ratio) == counted[f"{target}_after"]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", [CIFAR, CELEBA, DIGITS, FINE, network_of(3)[1]])
def test_the_nearest_of_all_ratios_is_found(network: UNet, target: Target) -> None:
    """Against every ratio in steps of a thousandth."""
    every = [n / 1000 for n in range(1, 1000) if n / 1000 <= network.largest_ratio]
    possible = [removed(network, target, ratio) for ratio in every]
    for wanted in (0.001, 0.2, 0.44, 0.6, possible[-1]):
        found = removed(network, target, channel_ratio(network, target, wanted))
        assert abs(found - wanted) <= min(abs(one - wanted) for one in possible) + 1e-12


@pytest.mark.parametrize(
    ("ratio", "gone"), [(0.125, 0.249), (0.25, 0.437), (0.3, 0.610), (0.5, 0.749), (0.75, 0.937)]
)
def test_what_ratios_of_channels_remove_of_the_cifar_network(ratio: float, gone: float) -> None:
    assert removed(CIFAR, "parameters", ratio) == pytest.approx(gone, abs=1e-3)


def test_the_published_pruning_of_the_cifar_network() -> None:
    """44% of 35.7 million parameters, by a quarter of the channels."""
    assert size(CIFAR, "parameters") == pytest.approx(35.7e6, rel=2e-3)
    assert channel_ratio(CIFAR, "parameters", 0.44) == 0.25
    assert removed(CIFAR, "parameters", 0.25) == pytest.approx(0.44, abs=5e-3)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", [CIFAR, CELEBA, DIGITS, FINE, network_of(1)[1]])
def test_what_cannot_go_is_refused_and_what_is_named_is_accepted(
    network: UNet, target: Target
) -> None:
    told = ratios.fraction_problem(network, target, 0.9999)
    assert told is not None
    largest = float(told.split("at most ")[1].split()[0])
    assert ratios.fraction_problem(network, target, largest) is None
    assert ratios.fraction_problem(network, target, largest + 0.001)
    assert 0.5 < largest < 1
    channel_ratio(network, target, largest)


def test_a_network_of_which_no_channel_can_go() -> None:
    network = UNet((8, 16), (False, False), 1, 8, 8, 1, 8)
    assert ratios.largest_removed(network, "parameters") == 0
    told = ratios.fraction_problem(network, "parameters", 0.1)
    assert (
        told
        == "each of 8 norm groups must keep a channel of 8; accepted: none; fewer model.norm_groups"
    )
    with pytest.raises(ValueError, match="one channel"):
        channel_ratio(network, "parameters", 0.1)
