"""Measures and extractors as building blocks: their options, what they declare, their imports."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pydantic import Field

from diffcredit.behaviors.extractor import Extractor, ExtractorOptions, FileOptions
from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.image_features import ImageFeatures, load_extractors, places_seen
from diffcredit.behaviors.measure import ModelMeasure, PairMeasure, QueryMeasure, SampleMeasure
from diffcredit.config import Behavior, Config, load
from diffcredit.config.sections import Rate
from diffcredit.errors import UserError
from diffcredit.plan.shared import SharedSettings
from diffcredit.registry import EXTRACTORS, MEASURES

ROOT = Path(__file__).parents[2]


class Scaled(Extractor):
    """The pixels, multiplied by an option."""

    class Options(FileOptions):
        """A factor, and a file that says nothing."""

        scale: Rate = Field(1.0, description="a number above 0")

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Remember the place of the weights."""
        super().prepare(place, device)
        self.place = place

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, c h w)."""
        return self.options.scale * images.flatten(1).double()


@pytest.fixture
def scaled() -> Iterator[None]:
    """An extractor of one's own."""
    EXTRACTORS.add("scaled", Scaled)
    yield
    EXTRACTORS.remove("scaled")


def configured(**extractors: dict[str, object]) -> Config:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    return load(raw | {"extractors": {"classifier": {"kind": "classifier"}, **extractors}}, ROOT)


def places(config: Config, *names: str) -> dict[str, list[object]]:
    shared = SharedSettings(config, None, None, "run")  # type: ignore[arg-type]
    return shared.extractor_places(names)


@pytest.mark.usefixtures("scaled")
def test_options_of_the_configuration_reach_the_extractor() -> None:
    config = configured(mine={"kind": "scaled", "scale": 3.0, "path": "weights.pt"})
    found = places(config, "mine", "classifier")
    assert found == {
        "mine": [{"kind": "scaled", "scale": 3.0}, "weights.pt"],
        "classifier": [{"kind": "classifier"}, "run/models/classifier"],
    }
    seen = places_seen(found, {"it": Behavior(measure="fid", extractor="mine")})
    (extractor,) = load_extractors(seen, "cpu").values()
    assert (type(extractor), extractor.device) == (Scaled, "cpu")
    assert extractor.place == Path("weights.pt")  # type: ignore[attr-defined]
    images = torch.full((2, 1, 2, 2), 5, dtype=torch.uint8)
    np.testing.assert_array_equal(ImageFeatures(images, extractor).features, np.full((2, 4), 15))


@pytest.mark.usefixtures("scaled")
def test_wrong_options_of_an_extractor_are_told() -> None:
    with pytest.raises(UserError, match=r"extractors\.mine\.scale = 0: must be above 0"):
        configured(mine={"kind": "scaled", "scale": 0})
    with pytest.raises(UserError, match=r"extractors\.mine\.name = 'x': unknown key; must be one"):
        configured(mine={"kind": "scaled", "name": "x"})


def test_where_weights_are_counts_through_the_place_alone() -> None:
    config = configured(mine={"kind": "clip", "path": "/weights/clip", "model": "some/clip"})
    assert places(config, "mine") == {"mine": [{"kind": "clip"}, "/weights/clip"]}


@pytest.mark.parametrize("name", MEASURES)
def test_what_a_measure_compares_fits_its_base(name: str) -> None:
    measure = MEASURES[name]
    queried = issubclass(measure, PairMeasure | QueryMeasure)
    assert (measure.compares == "full") == issubclass(measure, PairMeasure)
    assert (measure.compares == "queries") == issubclass(measure, QueryMeasure)
    assert (measure.subject == "model") == issubclass(measure, ModelMeasure)
    options = {"prompt": "a cat"} if name == "clip_prompt" else {}
    behavior = Behavior.model_validate({"measure": {"name": name, **options}})
    assert (behavior.queries, behavior.query_images) == (
        (16, "generated") if queried else (0, None)
    )
    assert isinstance(behavior.measure, measure.Options)


def test_a_measure_may_have_an_option_that_is_a_list() -> None:
    class Own(SampleMeasure):
        needs, better = None, "higher"

        class Options(SampleMeasure.Options):
            """A list."""

            weights: list[float] = Field([1.0], description="a list of numbers")

    one, same, other = (Own.Options(name="own", weights=w) for w in ([0.5], [0.5], [2.0]))
    assert one == same != other
    assert {one: "one", other: "other"}[same] == "one"


def test_an_extractor_gives_what_some_measure_needs() -> None:
    given = {what for extractor in EXTRACTORS.values() for what in extractor.gives}
    assert {measure.needs for measure in MEASURES.values()} - {None} == given
    assert issubclass(ClassifierFeatures.Options, ExtractorOptions)


def test_the_configuration_learns_their_options_without_large_imports() -> None:
    """Each job of a workflow checks its configuration."""
    program = """
import sys
from diffcredit.registry import EXTRACTORS, MEASURES
found = [table[name].Options for table in (MEASURES, EXTRACTORS) for name in table]
large = {"diffusers", "huggingface_hub", "pandas", "pyarrow", "scipy", "sklearn", "torch"}
large |= {"torchmetrics", "torchvision", "transformers"}
print(len(found), *sorted(large & set(sys.modules)))
"""
    library = ROOT / "workflow_scripts"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=library, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(MEASURES) + len(EXTRACTORS))]
