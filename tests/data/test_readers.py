"""Every reader of images tells what it cannot read, all of it at once and before anything runs."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffcredit import image_files
from diffcredit.behaviors.denoising_loss import DenoisingLoss
from diffcredit.behaviors.queries import read as read_queries
from diffcredit.config import Behavior, Config, CsvContributors, Data, query_folders
from diffcredit.config.behaviors import QueryFolder
from diffcredit.data.folder import Folder
from diffcredit.data.images import Images, to_table
from diffcredit.errors import UserError
from diffcredit.files import write_table

GOOD = [f"{who}/{number}.png" for who in ("ann", "bob") for number in range(3)]
BAD = ["ann/bad1", "bob/bad2"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    for name in GOOD:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 9).save(place / name)
    return place


def data(contributors: object) -> Data:
    return Data(
        source="folder", path="pictures", image_size=8, channels=1, contributors=contributors
    )


def dataset(contributors: object) -> Callable[[Path], object]:
    return lambda pictures: Folder().read(data(contributors), pictures.parent)


def by_table(pictures: Path) -> object:
    names = sorted(str(p.relative_to(pictures)) for p in pictures.glob("*/*.*") if p.is_file())
    rows = [f"{name},{name.split('/')[0]}" for name in names]
    (pictures / "owners.csv").write_text("\n".join(["file,owner", *rows]) + "\n")
    return dataset(CsvContributors(csv="owners.csv", column="owner"))(pictures)


def queries(pictures: Path) -> object:
    """All images are drawn."""
    train = pictures.parent / "train.parquet"
    zeros = np.zeros(1, dtype=np.int64)
    write_table(to_table(Images(np.zeros((1, 8, 8, 1), np.uint8), zeros, zeros), "train"), train)
    count = len(image_files.find(pictures).images)
    measure = DenoisingLoss.Options(
        name="denoising_loss", images=QueryFolder(folder=str(pictures)), queries=count
    )
    return read_queries(measure, {"train": train}, 0)


def asked(pictures: Path, count: int) -> Config:
    measure = {"name": "denoising_loss", "images": {"folder": "pictures"}, "queries": count}
    return Config.model_construct(
        seed=0,
        behaviors={"loss": Behavior(measure=measure)},
    )


def before_a_run(pictures: Path) -> None:
    config = asked(pictures, len(image_files.find(pictures).images))
    caches = pictures.parent / "caches"
    if found := query_folders.problems(config, pictures.parent, caches):
        raise UserError("\n".join(found))


READERS: dict[str, Callable[[Path], object]] = {
    "subfolders": dataset("subfolder"),
    "dealt": dataset(2),
    "each image": dataset("image"),
    "a table": by_table,
    "queries": queries,
    "queries before a run": before_a_run,
}


def encoded(path: Path) -> bytes:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)).save(path, "PNG")
    return path.read_bytes()


def truncated(path: Path) -> None:
    path.write_bytes(encoded(path)[:60])


def nan(path: Path) -> None:
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(path, "TIFF")


def integers(path: Path) -> None:
    Image.fromarray(np.full((8, 8), 9, np.int32)).save(path, "TIFF")


BROKEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated": (".png", truncated),
    "of no bytes": (".jpg", lambda path: path.touch()),
    "a text": (".gif", lambda path: path.write_text("no image")),
    "of NaN": (".tif", nan),
    "of 32-bit integers": (".tiff", integers),
    "the mark of its format alone": (".bmp", lambda path: path.write_bytes(b"BM")),
    "zeros": (".webp", lambda path: path.write_bytes(bytes(100))),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BROKEN)
def test_all_broken_images_are_named_in_one_message(pictures: Path, kind: str, reader: str) -> None:
    READERS[reader](pictures)
    suffix, make = BROKEN[kind]
    for name in BAD:
        make(pictures / f"{name}{suffix}")
    with pytest.raises(UserError) as told:
        READERS[reader](pictures)
    for name in BAD:
        assert f"{name}{suffix} cannot be read as an image: " in str(told.value)
    assert str(told.value).count("cannot be read") == len(BAD)


NOT_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (lambda place: os.mkfifo(place / "ann/pipe.png"), "1 special file"),
    "a broken link": (lambda place: (place / "ann/l.png").symlink_to("no"), "1 broken link"),
    "a cycle": (lambda place: (place / "ann/l").symlink_to(".."), "1 link to a folder"),
    "HEIC": (
        lambda place: (place / "ann/1.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0"),
        "1 .heic",
    ),
    "an archive": (lambda place: (place / "ann/more.zip").write_bytes(b"PK\3\4"), "1 .zip"),
}


@pytest.mark.parametrize("reader", [name for name in READERS if name != "queries before a run"])
@pytest.mark.parametrize("kind", NOT_FILES)
def test_what_is_no_image_is_told_and_the_others_are_read(
    pictures: Path, kind: str, reader: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, said = NOT_FILES[kind]
    if reader == "a table":
        READERS[reader](pictures)  # Its rows are those of the good images.
        make(pictures)
        source = CsvContributors(csv="owners.csv", column="owner")
        with caplog.at_level(logging.WARNING, "diffcredit"):
            Folder().read(data(source), pictures.parent)
    else:
        make(pictures)
        with caplog.at_level(logging.WARNING, "diffcredit"):
            READERS[reader](pictures)
    assert said in caplog.text


@pytest.mark.parametrize(("count", "few"), [(1, False), (6, False), (7, True), (100, True)])
def test_too_few_query_images_are_told_before_a_run(pictures: Path, count: int, few: bool) -> None:
    (pictures / "more.zip").write_bytes(b"PK\3\4")
    found = query_folders.problems(asked(pictures, count), pictures.parent, pictures / ".caches")
    assert len(found) == few
    if few:
        assert f"behaviors.loss.measure.queries = {count}: {pictures} holds 6 images" in found[0]
        assert "not read: 1 .zip" in found[0]


CHANGES: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "transparent": (
        lambda: Image.new("RGBA", (8, 8), (0, 0, 0, 99)),
        "2 images with transparent pixels: put on the background (255, 255, 255)",
    ),
    "16 bits": (
        lambda: Image.fromarray(np.full((8, 8), 60000, np.uint16)),
        "2 images of 16 bits a channel: scaled to 8",
    ),
    "floats": (
        lambda: Image.fromarray(np.full((8, 8), 0.5, np.float32)),
        "2 images of 32-bit floats: scaled from 0..1",
    ),
    "oblong": (lambda: Image.new("L", (8, 20)), "2 images not square: cropped to the middle"),
    "small": (lambda: Image.new("L", (4, 4)), "2 images smaller than 8x8: enlarged"),
    "opaque": (lambda: Image.new("RGBA", (8, 8), (1, 2, 3, 255)), ""),
    "plain": (lambda: Image.new("RGB", (8, 8)), ""),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_done_to_images_is_in_the_log(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, said = CHANGES[kind]
    paths = [tmp_path / f"{number}.tif" for number in range(2)]
    for path in paths:
        make().save(path)
    with caplog.at_level(logging.INFO, "diffcredit"):
        image_files.read(paths, 8, 3)
    assert [record.levelno for record in caplog.records] == [logging.INFO] * bool(said)
    assert said in caplog.text
