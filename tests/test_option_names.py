"""An option may be called as anything in the program is, or it is refused at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from diffcredit import config
from diffcredit.behaviors.measure import PairMeasure, QueryMeasure, SampleMeasure
from diffcredit.config.options import Implementation, Options, Registered, check_names
from diffcredit.errors import UserError
from diffcredit.models.pruning.pruner import Pruner
from diffcredit.registry import OBJECTIVES, Table
from diffcredit.training.gradients import of_step
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.objectives.objective import ClosedForm, TwoGradients
from diffcredit.training.objectives.siss_two_pass import SissTwoPass

#: Names of keys, methods, arguments and attributes that the program uses somewhere.
USED = ["weight", "measured", "factor", "steps", "loss", "step", "model", "seed", "device", "label"]
USED += ["backward", "backward_apart", "change", "batches", "uses_removed", "starts", "loops"]
USED += ["entries", "settings", "options", "trained", "ratio", "material", "target", "of", "kind"]
USED += ["queries", "images", "ga_ratio", "better", "path", "index", "count", "until", "items"]
USED += ["prepare", "prune", "needs", "compares", "prepared_with", "table", "run", "files"]


def with_option(base: type[Implementation], option: str) -> Any:
    """A building block with one option of one's own."""
    options = type(
        "Options",
        (base.Options,),
        {
            "__annotations__": {option: float},
            "__module__": __name__,
            option: Field(0.25, description="how much"),
        },
    )
    more = {"needs": None, "better": "higher"}
    return type("Own", (base,), {"Options": options, "__module__": __name__, **more})


@pytest.mark.parametrize("option", USED)
@pytest.mark.parametrize("base", [Denoise, SissTwoPass, ClosedForm, Pruner, SampleMeasure])
def test_option_reaches_the_building_block(base: type[Implementation], option: str) -> None:
    own = with_option(base, option)
    table: Table[Any] = Table("thing", "config.options:Implementation", {"own": own})
    if hasattr(base.Options, option) and option not in base.Options.model_fields:
        with pytest.raises(UserError, match=f"no option can be called {option}"):
            Registered(table).validate({"name": "own", option: 0.5})
        return
    found = Registered(table).validate({"name": "own", option: 0.5})
    reference = [None] if base is SampleMeasure else []
    assert getattr(own.of(found, *reference).options, option) == 0.5
    assert found.model_dump()[option] == 0.5
    assert Registered(table).validate(found.model_dump()) == found


@pytest.mark.parametrize("option", USED)
def test_objective_is_of_its_kind_whatever_its_options_are_called(option: str) -> None:
    together: Any = with_option(Denoise, option)(**{option: 0.5})
    apart: Any = with_option(SissTwoPass, option)(**{option: 0.5})
    assert not isinstance(together, TwoGradients)
    assert isinstance(apart, TwoGradients)
    accelerator: Any = None
    assert of_step(together, 0, accelerator, [], accelerator).weight == 1.0  # type: ignore[attr-defined]
    assert of_step(apart, 0, accelerator, [], accelerator).objective is apart  # type: ignore[attr-defined]


@pytest.mark.parametrize("base", [PairMeasure, QueryMeasure])
def test_options_that_all_of_a_kind_have_stay(base: type[Implementation]) -> None:
    own = with_option(base, "strength")
    assert {"queries", "strength"} <= set(own.Options.model_fields)


@pytest.mark.parametrize("option", ["problems", "given", "code", "model_dump", "copy"])
def test_reserved_names_are_refused(option: str) -> None:
    class Own(Options):
        """Options of one's own."""

    Own.__annotations__ = {option: float}
    with pytest.raises(UserError, match=f"no option can be called {option}.*\n.*Hint: rename"):
        check_names(Own)


def test_entry_called_as_its_option_is_told_by_the_right_key() -> None:
    own: Any = with_option(Denoise, "weight")
    OBJECTIVES.add("weight", own)
    try:
        raw = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
        raw["approaches"]["sft"]["objective"] = {"name": "weight", "weight": "much"}
        with pytest.raises(UserError) as caught:
            config.load(raw)
        assert "approaches.sft.objective.weight = 'much': must be a number" in str(caught.value)
        raw["approaches"]["sft"]["objective"] = {"name": "weight", "wait": 1}
        with pytest.raises(UserError) as caught:
            config.load(raw)
        assert "approaches.sft.objective.wait = 1: unknown key; must be one of" in str(caught.value)
    finally:
        OBJECTIVES.remove("weight")
