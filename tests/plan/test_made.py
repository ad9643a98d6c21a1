"""An identity changes with all that a thing depends on, and with nothing else."""

from typing import Any

import pytest

from diffcredit.plan.made import Made, Settings


def chain(
    *, first: int = 1, second: int = 2, code: str = "a", lasting: bool = False, name: str = "of"
) -> Made:
    """A model made of a table made of data."""
    data = Made("data", Settings({"images": first}))
    table = Made("table", Settings({"kind": 0}), {"data": data}, code={"tables": code})
    kept = frozenset({name} if lasting else ())
    return Made("model", Settings({"steps": second}), {name: [table]}, {"seed": 0}, lasting=kept)


CHANGES: dict[str, dict[str, Any]] = {
    "settings of its own": {"second": 3},
    "settings of what it is made of, two steps away": {"first": 3},
    "the code of what it is made of": {"code": "b"},
    "the name of an input": {"name": "other"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_identity_changes_with(change: str) -> None:
    assert chain(**CHANGES[change]).identity != chain().identity


def test_equal_things_have_equal_identities() -> None:
    assert chain().identity == chain().identity


def test_order_of_keys_does_not_count() -> None:
    one, other = Settings({"a": 1, "b": [1, 2]}), Settings({"b": [1, 2], "a": 1})
    assert Made("x", one).identity == Made("x", other).identity


def test_order_of_inputs_counts() -> None:
    parts = [Made("x", Settings({"n": n})) for n in range(2)]
    first, second = (Made("y", Settings({}), {"of": order}) for order in (parts, parts[::-1]))
    assert first.identity != second.identity


def test_what_lasts_counts_without_its_code() -> None:
    assert chain(lasting=True, code="b").identity == chain(lasting=True).identity
    assert chain(lasting=True, first=3).identity != chain(lasting=True).identity


def test_a_job_is_told_what_its_inputs_are() -> None:
    params = chain(code="b").params
    (table,) = chain(code="b").of["of"]  # type: ignore[misc]
    assert params["reads"] == {"of": [table.identity]}
    assert (params["steps"], params["seed"]) == (2, 0)
