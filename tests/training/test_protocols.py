"""An option of an objective may be called as anything in the program is."""

from dataclasses import make_dataclass
from typing import Any

import pytest

from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.objectives.gradient_ascent import GradientAscent
from diffcredit.training.objectives.siss_two_pass import SissTwoPass
from diffcredit.training.protocols import Measured, TwoSided, Weighted, follows

NASTY = ["weight", "measured", "factor", "backward_apart", "steps", "loss", "step", "model", "seed"]
NASTY += ["device", "objective", "retained", "removed", "label", "kind", "options", "settings"]


@pytest.mark.parametrize("option", NASTY)
@pytest.mark.parametrize("default", [True, False])
def test_option_is_no_method(option: str, default: bool) -> None:
    fields: list[Any] = [(option, float, 0.5)] if default else [(option, float)]
    objective = make_dataclass("Own", fields, bases=(Denoise,))(**{option: 0.5})
    assert not any(follows(objective, kind) for kind in (Weighted, TwoSided, Measured))


def test_methods_are_known() -> None:
    assert follows(GradientAscent(), Weighted)
    assert not follows(GradientAscent(), TwoSided)
    assert follows(SissTwoPass(), TwoSided)
    assert follows(SissTwoPass(), Measured)
    assert not follows(Denoise(), Weighted)
