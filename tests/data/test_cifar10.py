"""CIFAR-10 in its published formats, and what may be wrong with its files."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diffcredit.config import Data
from diffcredit.data.cifar10 import Cifar10
from diffcredit.data.images import ReadImages
from diffcredit.errors import UserError

#: Five batches of 4 images, and 6 test images.
PIXELS = np.random.default_rng(0).integers(0, 256, (26, 32, 32, 3), dtype=np.uint8)
LABELS = np.random.default_rng(1).permutation(np.arange(26) % 10)
PARTS = {f"data_batch_{n + 1}.bin": slice(4 * n, 4 * n + 4) for n in range(5)} | {
    "test_batch.bin": slice(20, 26)
}
SHARDS = {
    "train-00000-of-00002.parquet": slice(0, 11),
    "train-00001-of-00002.parquet": slice(11, 20),
    "test-00000-of-00001.parquet": slice(20, 26),
}


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def binary(folder: Path) -> Path:
    """The binary version: a byte of the label, then the three planes of each image."""
    folder.mkdir(parents=True)
    for name, rows in PARTS.items():
        planes = PIXELS[rows].transpose(0, 3, 1, 2).reshape(-1, 3072)
        labels = LABELS[rows, None].astype(np.uint8)
        (folder / name).write_bytes(np.hstack([labels, planes]).tobytes())
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n")
    return folder


def table(rows: slice, column: str = "img") -> pd.DataFrame:
    images = [{"bytes": png(image), "path": None} for image in PIXELS[rows]]
    return pd.DataFrame({column: images, "label": LABELS[rows]})


def hub(folder: Path, column: str = "img") -> Path:
    """The Parquet files of the hub, below a subfolder, with what a download leaves beside them."""
    place = folder / "plain_text"
    place.mkdir(parents=True)
    for name, rows in SHARDS.items():
        table(rows, column).to_parquet(place / name)
    hidden = folder / ".cache" / "huggingface" / "download" / "train-00000-of-00002.parquet"
    hidden.parent.mkdir(parents=True)
    hidden.write_text("unfinished")
    (folder / "README.md").write_text("# CIFAR-10")
    return folder


def read(folder: Path, **keys: Any) -> ReadImages:
    settings = Data(source="cifar10", path=str(folder), image_size=32, channels=3, held_out=2)
    return Cifar10().read(settings.model_copy(update=keys), Path())


@pytest.mark.parametrize("make", [binary, hub, lambda folder: hub(folder, "image")])
def test_formats_give_the_same_images(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    dataset = read(make(tmp_path / "cifar"))
    np.testing.assert_array_equal(dataset.images.pixels, PIXELS[:20])
    np.testing.assert_array_equal(dataset.images.labels, LABELS[:20])
    assert dataset.test is not None
    np.testing.assert_array_equal(dataset.test.pixels, PIXELS[20:])
    np.testing.assert_array_equal(dataset.test.labels, LABELS[20:])
    for images in (dataset.images, dataset.test):
        assert images.pixels.dtype == np.uint8
        assert images.labels.dtype == np.int64
        assert (images.contributors == -1).all()
    assert dataset.label_names[:2] == ["airplane", "automobile"]
    assert len(dataset.label_names) == 10


def test_files_may_lie_in_a_subfolder(tmp_path: Path) -> None:
    binary(tmp_path / "cifar" / "cifar-10-batches-bin")
    np.testing.assert_array_equal(read(tmp_path / "cifar").images.labels, LABELS[:20])


def test_classes_may_be_the_contributors(tmp_path: Path) -> None:
    dataset = read(binary(tmp_path / "cifar"), contributors="label")
    np.testing.assert_array_equal(dataset.images.contributors, LABELS[:20])
    assert dataset.contributor_names == dataset.label_names
    assert dataset.test is not None
    assert (dataset.test.contributors == -1).all()


def test_images_are_resized(tmp_path: Path) -> None:
    dataset = read(binary(tmp_path / "cifar"), image_size=16)
    assert dataset.images.pixels.shape == (20, 16, 16, 3)
    assert dataset.test is not None
    assert dataset.test.pixels.shape == (6, 16, 16, 3)
    averaged = PIXELS[:20].reshape(20, 16, 2, 16, 2, 3).astype(float).mean(axis=(2, 4))
    assert np.corrcoef(averaged.ravel(), dataset.images.pixels.ravel())[0, 1] > 0.85


def test_test_split_is_needed_only_to_hold_images_out(tmp_path: Path) -> None:
    folder = binary(tmp_path / "cifar")
    (folder / "test_batch.bin").unlink()
    assert read(folder, held_out=0).test is None
    with pytest.raises(UserError, match=r"whole test split.*of test_batch\.bin there are none"):
        read(folder)


def broken(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    """The binary version with something done to it."""

    def make(folder: Path) -> Path:
        change(binary(folder))
        return folder

    return make


def first_shard(content: pd.DataFrame | bytes) -> Callable[[Path], Path]:
    """The Parquet files with another first shard."""

    def make(folder: Path) -> Path:
        path = hub(folder) / "plain_text" / "train-00000-of-00002.parquet"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.to_parquet(path)
        return folder

    return make


def without_shard(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (hub(folder) / "plain_text" / name).unlink()
        return folder

    return make


def copied_shard(folder: Path) -> Path:
    name = "train-00001-of-00002.parquet"
    table(SHARDS[name]).to_parquet(hub(folder) / name)
    return folder


def damaged_label(folder: Path) -> None:
    path = folder / "data_batch_2.bin"
    content = bytearray(path.read_bytes())
    content[3073 * 2] = 200
    path.write_bytes(content)


def python_version(folder: Path) -> Path:
    folder.mkdir()
    for name in (*PARTS, "batches.meta"):
        (folder / name.removesuffix(".bin")).write_bytes(b"\x80\x02}q\x01.")
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    (folder / "cifar-10-binary.tar.gz").write_bytes(b"")
    return folder


def cell(value: Any, label: Any = 3) -> pd.DataFrame:
    return pd.DataFrame({"img": [value], "label": [label]})


GRAY = png(np.zeros((32, 32), dtype=np.uint8))
SMALL = png(np.zeros((28, 28, 3), dtype=np.uint8))
FINE = {"bytes": png(PIXELS[0]), "path": "0.png"}

FAULTS: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "another folder": (empty, ["holds no CIFAR-10", "no .parquet and no .bin", "train-*.parquet"]),
    "Python version": (
        python_version,
        ["data_batch_1 is of the Python version", "unpickled", "data_batch_1.bin", "*.parquet"],
    ),
    "missing batch": (
        broken(lambda folder: (folder / "data_batch_3.bin").unlink()),
        ["whole train split", "there are data_batch_1.bin, data_batch_2.bin, data_batch_4.bin"],
    ),
    "batch twice": (
        broken(lambda folder: binary(folder / "copy")),
        ["whole train split", "once", "copy/data_batch_1.bin"],
    ),
    "truncated batch": (
        broken(lambda folder: (folder / "data_batch_5.bin").write_bytes(b"\x01" * 5000)),
        ["data_batch_5.bin holds 5000 bytes", "records of 3073", "truncated"],
    ),
    "empty batch": (
        broken(lambda folder: (folder / "test_batch.bin").write_bytes(b"")),
        ["test_batch.bin holds 0 bytes"],
    ),
    "label above 9": (
        broken(damaged_label),
        ["data_batch_2.bin", "label of image 2 is 200, not 0 to 9"],
    ),
    "missing shard": (
        without_shard("train-00001-of-00002.parquet"),
        ["whole train split", "there are plain_text/train-00000-of-00002.parquet"],
    ),
    "missing test shard": (
        without_shard("test-00000-of-00001.parquet"),
        ["whole test split", "with test in their names there are none"],
    ),
    "shard twice": (copied_shard, ["whole train split", "once", "plain_text/train-00001-of-00002"]),
    "truncated shard": (
        first_shard(b"PAR1 and no more"),
        ["train-00000-of-00002.parquet cannot be read as a Parquet table", "download it again"],
    ),
    "empty shard": (first_shard(table(slice(0, 0))), ["train-00000", "holds no images"]),
    "other columns": (
        first_shard(pd.DataFrame({"img": [FINE], "fine_label": [3]})),
        ["img (or image) and label; it has img, fine_label"],
    ),
    "image without bytes": (
        first_shard(cell({"bytes": None, "path": "a.png"})),
        ["row 0 holds no bytes of an image"],
    ),
    "bytes without a name": (first_shard(cell(FINE["bytes"])), ["row 0 holds no bytes"]),
    "broken image": (
        first_shard(cell({"bytes": png(PIXELS[0])[:900], "path": "a.png"})),
        ["the image of row 0 cannot be decoded"],
    ),
    "gray image": (
        first_shard(cell({"bytes": GRAY, "path": "a.png"})),
        ["row 0 has the shape (32, 32, 1)", "source folder"],
    ),
    "small image": (
        first_shard(cell({"bytes": SMALL, "path": "a.png"})),
        ["row 0 has the shape (28, 28, 3)"],
    ),
    "label -1": (first_shard(cell(FINE, -1)), ["the label of image 0 is -1"]),
    "no label": (first_shard(cell(FINE, None)), ["the label of image 0 is"]),
    "label by name": (first_shard(cell(FINE, "cat")), ["the label of image 0 is cat"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_with_what_is_accepted(tmp_path: Path, fault: str) -> None:
    make, said = FAULTS[fault]
    folder = make(tmp_path / "cifar")
    with pytest.raises(UserError) as caught:
        read(folder)
    for part in [str(folder), "\n    Hint: ", *said]:
        assert part in str(caught.value)
