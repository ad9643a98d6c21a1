"""The moving average against its formula and an explicit loop."""

import pytest
import torch

from diffcredit.config import Ema
from diffcredit.training import ema


def test_first_update_takes_the_weights_as_they_are() -> None:
    assert ema.decay(0, Ema()) == 0


@pytest.mark.parametrize(("inverse_gamma", "power"), [(1.0, 0.75), (2.0, 0.66)])
@pytest.mark.parametrize("step", [1, 10, 500])
def test_decay_is_the_formula(inverse_gamma: float, power: float, step: int) -> None:
    settings = Ema(inverse_gamma=inverse_gamma, power=power)
    expected = 1 - (1 + step / inverse_gamma) ** -power
    assert ema.decay(step, settings) == pytest.approx(expected)


def test_decay_grows_to_its_largest_value() -> None:
    settings = Ema(max_decay=0.99)
    decays = [ema.decay(step, settings) for step in range(3000)]
    assert decays == sorted(decays)
    assert decays[-1] == 0.99
    assert decays[100] < 0.99


def test_average_is_that_of_an_explicit_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 2), (4,)]
    average = [torch.zeros(shape) for shape in shapes]
    expected = [torch.zeros(shape, dtype=torch.float64) for shape in shapes]
    for step in range(30):
        current = [torch.randn(shape, generator=generator) for shape in shapes]
        before = [tensor.clone() for tensor in current]
        ema.update(average, current, step, Ema())
        decay = 1 - (1 + step) ** -0.75
        expected = [
            decay * e + (1 - decay) * c.double() for e, c in zip(expected, current, strict=True)
        ]
        assert all(torch.equal(b, c) for b, c in zip(before, current, strict=True))
    for found, wanted in zip(average, expected, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6)
