"""Between stored pixels and what networks see."""

import torch
from trainings import FAMILY, from_uint8


def test_every_gray_level_survives_the_round_trip() -> None:
    levels = torch.arange(256).to(torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(FAMILY.decode(from_uint8(levels)), levels)


def test_gray_levels_span_minus_one_to_one_evenly() -> None:
    seen = from_uint8(torch.arange(256).to(torch.uint8).reshape(1, 1, 16, 16)).flatten()
    torch.testing.assert_close(seen, torch.linspace(-1, 1, 256))
    assert seen.dtype == torch.float32


def test_values_beyond_are_clipped_and_do_not_wrap_around() -> None:
    seen = torch.tensor([-1e9, -1.5, -1.0, 0.999, 1.0, 1.02, 1e9])
    assert FAMILY.decode(seen).tolist() == [0, 0, 0, 255, 255, 255, 255]


def test_values_are_rounded_to_the_nearest_level() -> None:
    levels = torch.tensor([10.4, 10.6, 200.4, 200.6])
    assert FAMILY.decode(levels / 127.5 - 1).tolist() == [10, 11, 200, 201]
