"""Models that draw noise, or nothing, are told."""

import re

import numpy as np
import pytest
import torch

from diffcredit.behaviors.noise import neighbor_correlation, noise_doubt


def noise(count: int = 16, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, 8, 8), dtype=torch.uint8, generator=generator)


def smooth(count: int = 16, channels: int = 1) -> torch.Tensor:
    ramp = (torch.arange(8)[:, None] + torch.arange(8)).float() * 16
    shifts = torch.arange(count * channels).reshape(count, channels, 1, 1)
    return (ramp + shifts).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_correlation_is_zero_for_noise_and_one_for_a_ramp(channels: int) -> None:
    assert abs(neighbor_correlation(noise(64, channels))) < 0.1
    assert 0.7 < neighbor_correlation(smooth(16, channels)) <= 1
    checkers = 255 * ((torch.arange(8)[:, None] + torch.arange(8)) % 2)
    assert neighbor_correlation(checkers.to(torch.uint8)[None, None]) == pytest.approx(-1)
    assert np.isnan(neighbor_correlation(torch.full((4, 1, 8, 8), 7, dtype=torch.uint8)))


CASES = {
    "real": ([smooth()], None),
    "noise": ([noise()], "1 of 1 models draw images that look like noise"),
    "some": ([smooth(), noise(), noise()], "2 of 3 models draw images that look like noise"),
    "blank": ([torch.zeros(4, 1, 8, 8, dtype=torch.uint8), smooth()], "1 of 2 models draw blank"),
    "both": ([torch.zeros(4, 1, 8, 8, dtype=torch.uint8), noise()], "noise and 1 of 2 .* blank"),
    "none at all": ([], None),
    "one of four": ([smooth(), smooth(), smooth(), noise()], None),
    "one of three": ([smooth(), smooth(), noise()], "1 of 3 models"),
    "one of four blank": (
        [smooth(), smooth(), smooth(), torch.zeros(4, 1, 8, 8, dtype=torch.uint8)],
        "1 of 4 models draw blank",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(case: str) -> None:
    drawn, expected = CASES[case]
    told = noise_doubt(drawn, smooth())
    if expected is None:
        assert told is None
    else:
        assert told is not None
        assert re.search(expected, told)


def test_nothing_is_said_where_real_images_are_as_rough() -> None:
    assert noise_doubt([noise()], noise(64)) is None
