"""A dataset of one's own, with an option, is read, listed and checked like any other."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from overlays import overlaid
from pydantic import Field

from diffcredit import contents
from diffcredit.config import Config, Data, load
from diffcredit.config.counts import known_classes, known_images, known_owners
from diffcredit.config.demonstration import unfit_defaults
from diffcredit.config.messages import problem
from diffcredit.config.options import build
from diffcredit.config.sections import Count
from diffcredit.contents import AnyPath, Head
from diffcredit.data.dataset import Dataset, place
from diffcredit.data.images import ReadImages, of_classes
from diffcredit.errors import UserError
from diffcredit.plan import Code, Plan, UserFiles
from diffcredit.registry import DATASETS

ROOT = Path(__file__).parents[2]


class Stripes(Dataset):
    """Dark and bright images whose levels stand in a file of the folder."""

    folder = True
    channels = 1
    classes = ("dark", "bright")
    sizes = (30, 30)
    side = 8
    contributors = 4

    class Options(Dataset.Options):
        """How bright the second class is."""

        level: Count = Field(200, description="gray level of bright images, 1 to 255")

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """See `Options.problems`."""
            if self.level < config.data.image_size:
                return [problem(f"{key}.level", self.level, "is too dark")]
            return []

    def read(self, settings: Data, base: Path) -> ReadImages:
        """See `Dataset.read`."""
        dark = int((place(settings, base) / "dark.txt").read_text())
        levels = np.repeat([dark, self.options.level], 30).astype(np.uint8)
        pixels = np.tile(levels[:, None, None, None], (1, 8, 8, 1))
        owned = settings.contributors == "label"
        return of_classes(pixels, np.repeat([0, 1], 30), list(self.classes), owned)

    def check(self, folder: Path, splits: Sequence[str]) -> None:
        """See `Dataset.check`."""
        if not (folder / "dark.txt").is_file():
            raise UserError(f"data.path = {folder} has no dark.txt for {' and '.join(splits)}")

    def files(self, settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
        """See `Dataset.files`."""
        return [place(settings, base) / "dark.txt"]


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    DATASETS.add("stripes", Stripes)
    yield
    DATASETS.remove("stripes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What it reads, and a file that it does not."""
    (tmp_path / "stripes").mkdir()
    (tmp_path / "stripes/dark.txt").write_text("20")
    (tmp_path / "stripes/notes.txt").write_text("hi")
    return tmp_path


def configuration(base: Path, **keys: Any) -> Config:
    """The default one, but for the data, of which its own defaults are null."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    data = dict.fromkeys(raw["data"]) | {"source": "stripes", "path": "stripes"} | keys
    data = {key: value for key, value in data.items() if value is not None}
    return load(overlaid(raw | {"data": {}}, {"data": data}), base)


def test_its_options_and_defaults_are_read(folder: Path) -> None:
    data = configuration(folder, source={"name": "stripes", "level": 90}).data
    assert (data.source.name, data.source.given) == ("stripes", {"level": 90})
    assert (data.image_size, data.channels, data.contributors) == (8, 1, 4)
    assert data.planted.contributors == 0
    assert configuration(folder).data.source.given == {"level": 200}
    assert Data(**data.model_dump()) == data


def test_what_it_says_of_itself_is_known(folder: Path) -> None:
    data = configuration(folder, contributors="label").data
    assert known_classes(data, folder) == ["dark", "bright"]
    assert known_images(data) == Stripes().images == 60
    assert known_owners(data, folder) == 2


def test_it_is_read(folder: Path) -> None:
    data = configuration(folder, source={"name": "stripes", "level": 90}).data
    found = build(DATASETS, data.source).read(data, folder)
    assert found.images.pixels.reshape(60, -1).mean(axis=1).tolist() == [20] * 30 + [90] * 30
    assert found.label_names == ["dark", "bright"]


def test_files_that_it_reads_count(folder: Path) -> None:
    config = configuration(folder)

    def answers() -> dict[str, str]:
        return UserFiles(config, folder, folder / "caches").digests(("data",))

    source = build(DATASETS, config.data.source)
    found = source.files(config.data, folder, contents.read_head)
    assert found == [folder / "stripes/dark.txt"]
    before = answers()
    (folder / "stripes/notes.txt").write_text("other notes")
    assert answers() == before
    (folder / "stripes/dark.txt").write_text("210")
    assert answers() != before


def test_its_options_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    def identity(source: Any) -> str:
        config = configuration(folder, source=source)
        return Plan(config, UserFiles(config, folder, folder), Code(), "results/x").data().identity

    assert identity("stripes") == identity({"name": "stripes", "level": 200})
    assert identity("stripes") != identity({"name": "stripes", "level": 201})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown option": (
        {"source": {"name": "stripes", "levle": 3}},
        "data.source.levle = 3: unknown key; must be one of",
    ),
    "out of range": (
        {"source": {"name": "stripes", "level": 0}},
        "data.source.level = 0: must be at least 1; accepted: gray level of",
    ),
    "own problem": (
        {"source": {"name": "stripes", "level": 7}},
        "data.source.level = 7: is too dark",
    ),
    "another folder": ({"path": "."}, "has no dark.txt for train"),
    "no folder": ({"path": None}, "data.path is missing: source stripes needs a folder"),
    "color": ({"channels": 3}, "data.channels = 3: the images of stripes are gray: 1"),
    "whose they are": (
        {"contributors": "subfolder"},
        "no files of stripes say whose they are; accepted: a number, label or image",
    ),
    "too many held out": (
        {"held_out": 60},
        "data.held_out = 60: must leave some of the 60 images of stripes to train on",
    ),
    "unknown label": ({"labels": ["gray"]}, "must be one of: dark, bright"),
    "another name": ({"source": "stripe"}, "did you mean 'stripes'?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_checked(folder: Path, case: str) -> None:
    keys, said = WRONG[case]
    with pytest.raises(UserError) as told:
        configuration(folder, **keys)
    assert said in str(told.value)


def test_defaults_were_chosen_for_another(folder: Path) -> None:
    told = unfit_defaults(configuration(folder))
    assert told is not None
    assert "the images of source stripes have 8x8 pixels" in told
