"""Which files count for each dataset, and the folder of query images."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from diffcredit import contents, image_files
from diffcredit.config import Data
from diffcredit.config.options import build
from diffcredit.contents import AnyPath, Head
from diffcredit.data.dataset import Dataset
from diffcredit.registry import DATASETS


def data(source: str, held_out: int = 0) -> Data:
    channels = DATASETS[source].channels or 1
    return Data(
        source=source,
        path="place",
        image_size=8,
        contributors=3,
        channels=channels,
        held_out=held_out,
    )


def read_by(settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
    found: Sequence[AnyPath] = build(DATASETS, settings.source).files(settings, base, head)
    return found


def digest(base: Path, settings: Data) -> str:
    def reads(head: Callable) -> list:
        return list(read_by(settings, base, head))

    return contents.listing(base / "place", reads, base / "caches")


HUB = ["train-00000-of-00001.parquet", "more/test-00000-of-00001.parquet"]
CIFAR10 = [*(f"cifar/data_batch_{number}.bin" for number in range(1, 6)), "cifar/test_batch.bin"]
IDX = [
    "train-images-idx3-ubyte",
    "raw/train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte",
]
#: Source, the files that are there, and what is read of them with and without a test split.
SOURCES = {
    "cifar10 of the hub": ("cifar10", HUB, 1),
    "cifar10 binary": ("cifar10", CIFAR10, 5),
    "mnist of the hub": ("mnist", HUB, 1),
    "mnist IDX": ("mnist", IDX, 2),
    "fashion_mnist IDX": ("fashion_mnist", IDX, 2),
}


@pytest.mark.parametrize("case", SOURCES)
def test_files_that_a_published_dataset_reads_count(tmp_path: Path, case: str) -> None:
    source, names, training = SOURCES[case]
    for name in names:
        path = tmp_path / "place" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert len(read_by(data(source), tmp_path, contents.read_head)) == training
    assert len(read_by(data(source, held_out=5), tmp_path, contents.read_head)) == len(names)
    before = digest(tmp_path, data(source))
    for other in ("README.md", "batches.meta.txt", "data_batch_9.bin", "a.png", "labels.csv"):
        (tmp_path / "place" / other).write_text("hi")
    (tmp_path / "place" / names[-1]).write_text("another test split")
    assert digest(tmp_path, data(source)) == before
    assert digest(tmp_path, data(source, held_out=5)) != before
    (tmp_path / "place" / names[0]).write_text("another training split")
    assert digest(tmp_path, data(source)) != before


class Own(Dataset):
    """Images of a folder."""

    folder = True


@pytest.fixture
def own() -> Iterator[str]:
    """A dataset that does not say which files it reads."""
    DATASETS.add("own", Own)
    yield "own"
    DATASETS.remove("own")


@pytest.mark.parametrize("name", ["a.bin", "more/b.npz", "c", "d.csv", "e.png"])
def test_all_files_count_of_a_dataset_that_does_not_say(
    tmp_path: Path, name: str, own: str
) -> None:
    """As of a user's own dataset."""
    (tmp_path / "place/more").mkdir(parents=True)
    (tmp_path / "place/first").write_text("first")
    before = digest(tmp_path, data(own))
    (tmp_path / "place" / name).write_text("more")
    after = digest(tmp_path, data(own))
    assert after != before
    (tmp_path / "place" / f".{Path(name).name}").write_text("hidden")
    assert digest(tmp_path, data(own)) == after


QUERIES = {
    "a.gif": True,
    "more/a.png": True,
    "without": True,
    "README": False,
    ".a.png": False,
    ".more/a.png": False,
    "Thumbs.db": False,
}


@pytest.mark.parametrize("name", QUERIES)
def test_images_of_a_query_folder_count(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name in ("README", "Thumbs.db"):
        path.write_text("hi")
    else:
        Image.new("L", (8, 8)).save(path, "GIF" if name.endswith("gif") else "PNG")
    found = image_files.paths(tmp_path, contents.read_head)
    assert found == ([str(path)] if QUERIES[name] else [])


def test_reader_that_cannot_tell_gives_its_reason(tmp_path: Path) -> None:
    """The job that reads then runs and stops with it, with no traceback while it is planned."""
    (tmp_path / "place").mkdir()
    assert "has no images in subfolders" in digest(tmp_path, data("folder"))
    assert not (tmp_path / "caches").exists()
