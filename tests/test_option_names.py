"""An option may be called as anything in the program is, or it is refused at once."""

import sys
from dataclasses import make_dataclass
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from diffcredit.config.behaviors import Behavior, PairMeasure, QueryMeasure
from diffcredit.config.sections import Section, check_options, named
from diffcredit.errors import UserError
from diffcredit.registry import OBJECTIVES, OF_OBJECTIVES, PRUNERS, Objective, build
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.objectives.siss_two_pass import SissTwoPass

#: Names of keys, methods, arguments and attributes that the program uses somewhere.
USED = ["weight", "measured", "factor", "steps", "loss", "step", "model", "seed", "device", "label"]
USED += ["entries", "settings", "given", "options", "trained", "ratio", "material", "target", "of"]
USED += ["queries", "images", "ga_ratio", "better", "path", "index", "count", "until", "items"]


def section(option: str, base: type[Section] = Section) -> Any:
    """A section with one option, as one adds it for an implementation."""
    fields = {"name": Literal["own"], option: float}
    return type("Own", (base,), {"__annotations__": fields, "__module__": __name__})


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of one's own."""
    module = ModuleType("own")
    monkeypatch.setitem(sys.modules, "own", module)
    return module


def options_of(entries: dict[str, Any], kind: type[Section], option: str, **more: Any) -> Any:
    """What the configuration makes of an entry with an option."""
    adapter: TypeAdapter[Any] = TypeAdapter(named(entries, kind, **more))
    return adapter.validate_python({"name": "own", option: 0.5}, strict=True).model_dump()


@pytest.mark.parametrize("option", USED)
def test_objective(own: ModuleType, option: str) -> None:
    fields: list[Any] = [(option, float)]
    own.Own = make_dataclass("Own", fields, bases=(Denoise,))  # type: ignore[attr-defined]
    entries = {**OBJECTIVES, "own": Objective("own:Own")}
    settings = options_of(entries, section(option), option, reserved=OF_OBJECTIVES)
    made = build(entries, settings)
    assert getattr(made, option) == 0.5
    assert callable(made.backward)


@pytest.mark.parametrize("option", USED)
def test_pruner(own: ModuleType, option: str) -> None:
    def prune(first: Any, second: Any, third: Any, /, **options: Any) -> Any:
        return first, second, third, options

    own.prune = prune  # type: ignore[attr-defined]
    entries = {**PRUNERS, "own": "own:prune"}
    settings = options_of(entries, section(option), option)
    assert build(entries, settings, 1, 2, 3) == (1, 2, 3, {option: 0.5})


@pytest.mark.parametrize("option", USED)
@pytest.mark.parametrize("base", [Section, PairMeasure, QueryMeasure])
def test_measure(option: str, base: type[Section]) -> None:
    """The option reaches the measure, or is refused where it is what all such measures have."""
    shared = () if base is Section else ("images", "queries")
    kind = section(option, base)
    if option in shared:
        with pytest.raises(UserError, match=f"no option can be called {option}"):
            check_options(kind, shared)
        return
    check_options(kind, shared)
    behavior = Behavior.model_construct(measure=kind(name="own", **{option: 0.5}))
    assert behavior.options[option] == 0.5
    assert behavior.queries == (0 if base is Section else 16)
    assert behavior.query_images == (None if base is Section else "generated")


@pytest.mark.parametrize("option", [*OF_OBJECTIVES, "name"])
def test_reserved_names_are_refused(option: str) -> None:
    kind = type(
        "Own",
        (Section,),
        {"__annotations__": {"name": Literal["own"], option: float}, "__module__": __name__},
    )
    with pytest.raises(
        UserError, match=f"Own: no option can be called {option}.*\\n.*Hint: rename"
    ):
        named({"own": "own:Own"}, kind, reserved=OF_OBJECTIVES)


@pytest.mark.parametrize("option", ["factor", "backward_apart", "measured"])
def test_option_that_hides_a_method_is_refused(own: ModuleType, option: str) -> None:
    fields: list[Any] = [(option, float)]
    base = type("Base", (), {option: getattr(SissTwoPass, option)})
    own.Own = make_dataclass("Own", fields, bases=(base,))  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=f"its option {option} has the name of a method of Own"):
        build({"own": Objective("own:Own")}, {"name": "own", option: 0.5})


def test_plain_options_are_taken() -> None:
    class Own(Section):
        name: Literal["own"] = Field(description="own")
        speed: float = Field(1.0, description="how fast")

    entries = {**PRUNERS, "own": "own:Own"}
    assert options_of(entries, Own, "speed") == {"name": "own", "speed": 0.5}
