"""A removal distribution of one's own is drawn, weighted, checked and planned like any other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from overlays import overlaid
from pydantic import Field

from diffcredit.coalitions.distribution import Distribution, Impossible, of_settings
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.sizes import log_one_size
from diffcredit.coalitions.table import importance, table
from diffcredit.config import Config, load
from diffcredit.config.messages import problem
from diffcredit.config.sections import Count
from diffcredit.errors import UserError
from diffcredit.plan import Code, Plan, UserFiles
from diffcredit.registry import DISTRIBUTIONS

ROOT = Path(__file__).parents[2]


class Neighbors(Distribution):
    """Coalitions of so many contributors in a row, beginning anywhere."""

    class Options(Distribution.Options):
        """How many are in a row."""

        length: Count = Field(2, description="contributors in a row, 1 or more")

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """See `Options.problems`."""
            found = super().problems(key, config, base)
            if self.length == config.sampling.images:
                accepted = "must not be sampling.images"
                found.append(problem(f"{key}.length", self.length, accepted))
            return found

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """See `Distribution.draw`."""
        first = np.random.default_rng([seed, number]).integers(contributors)
        row = (first + np.arange(self.options.length)) % contributors
        return np.isin(np.arange(contributors), row)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """See `Distribution.log_size_probabilities`."""
        return log_one_size(contributors, self.options.length)

    def impossible(self, contributors: int) -> Impossible | None:
        """See `Distribution.impossible`."""
        if self.options.length >= contributors:
            return Impossible("length", f"must be below {contributors}", "length: 1")
        return super().impossible(contributors)

    def different(self, contributors: int) -> int | None:
        """See `Distribution.different`."""
        return contributors


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    DISTRIBUTIONS.add("neighbors", Neighbors)
    yield
    DISTRIBUTIONS.remove("neighbors")


def given(**options: Any) -> dict[str, Any]:
    return {"distribution": "neighbors", "count": 40, **options}


def configuration(overlay: dict[str, Any]) -> Config:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    return load(overlaid(raw, overlay), ROOT)


def refused(overlay: dict[str, Any]) -> str:
    with pytest.raises(UserError) as told:
        configuration(overlay)
    return str(told.value)


def test_it_is_drawn() -> None:
    found = table(of_settings(given(length=3)), 5, 1, range(40))
    masks = np.stack(list(found["mask"]))
    assert (masks.sum(axis=1) == 3).all()
    assert len(np.unique(masks, axis=0)) == 5
    assert found["pair"].tolist() == list(range(40))


def test_it_is_weighted() -> None:
    """All of one size weigh alike; what it cannot have drawn is told."""
    distribution = of_settings(given(length=3))
    masks = np.stack(list(table(distribution, 5, 1, range(40))["mask"]))
    np.testing.assert_allclose(importance(masks, Shapley(), distribution), 1)
    with pytest.raises(UserError, match="neighbors has no coalitions of 1 of 5"):
        importance(np.eye(5, dtype=bool), Shapley(), distribution)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown option": ({"lenght": 3}, "more.lenght = 3: unknown key; must be one of"),
    "out of range": ({"length": 0}, "more.length = 0: must be at least 1; accepted: contrib"),
    "own problem": ({"length": 512}, "more.length = 512: must not be sampling.images"),
    "too many": ({"length": 12}, "more.length = 12: must be below 12\n    Hint: length: 1"),
    "no count": ({"count": None}, "more.count is missing: number of coalitions"),
    "a name": ({"name": "it"}, "more.name = 'it': unknown key"),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_checked(case: str) -> None:
    options, said = WRONG[case]
    assert f"coalitions.{said}" in refused({"coalitions": {"more": given(**options)}})


def test_job_tells_what_the_configuration_cannot_know() -> None:
    with pytest.raises(UserError, match="length = 7: must be below 5\n    Hint: length: 1"):
        table(of_settings(given(length=7)), 5, 0, range(2))


def test_it_may_be_what_attributions_are_tested_on() -> None:
    """Where it has different coalitions enough."""
    overlay: dict[str, Any] = {
        "coalitions": {"more": given()},
        "approaches": {"retrain": {"coalitions": {"more": 1}}},
        "evaluation": {"lds": {"truth": "retrain/more"}},
    }
    entry = configuration(overlay).coalitions["more"]
    assert (entry.count, entry.given["length"]) == (40, 2)
    few = {"contributors": 2, "planted": {"contributors": 0}}
    overlay["coalitions"]["more"]["length"] = 1
    assert "needs 3 different coalitions or more, and 2" in refused(overlay | {"data": few})


def test_its_options_count(tmp_path: Path) -> None:
    """Other options are other coalitions; more of them are not."""

    def identity(**options: Any) -> str:
        config = configuration({"coalitions": {"more": given(**options)}})
        plan = Plan(config, UserFiles(config, ROOT, tmp_path), Code(), "results/x")
        return plan.coalitions("more", 0).identity

    assert identity() == identity(length=2) == identity(count=80)
    assert identity() != identity(length=3)


def test_dumped_options_are_read_again() -> None:
    options = of_settings(given(length=3)).options
    assert options.model_dump() == {"distribution": "neighbors", "count": 40, "length": 3}
    assert of_settings(options.model_dump()).options == options
