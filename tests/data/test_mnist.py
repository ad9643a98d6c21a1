"""MNIST and Fashion-MNIST in their published formats, and what may be wrong with their files."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diffcredit.config import Data
from diffcredit.config.options import build
from diffcredit.data.images import ReadImages
from diffcredit.errors import UserError
from diffcredit.registry import DATASETS

#: 20 training images, and 6 test images.
PIXELS = np.random.default_rng(0).integers(0, 256, (26, 28, 28), dtype=np.uint8)
LABELS = np.random.default_rng(1).permutation(np.arange(26) % 10).astype(np.uint8)
ROWS = {"train": slice(0, 20), "t10k": slice(20, 26)}


def idx(array: np.ndarray) -> bytes:
    """As the format is described: 0, 0, the type, the number of dimensions; the dimensions."""
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def plain(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, rows in ROWS.items():
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(PIXELS[rows]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(LABELS[rows]))
    return folder


def compressed(folder: Path) -> Path:
    for path in list(plain(folder / "raw").iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return folder


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def hub(folder: Path, place: str = "mnist") -> Path:
    (folder / place).mkdir(parents=True)
    for split, rows in zip(("train", "test"), ROWS.values(), strict=True):
        images = [{"bytes": png(image), "path": None} for image in PIXELS[rows]]
        table = pd.DataFrame({"image": images, "label": LABELS[rows].astype(np.int64)})
        table.to_parquet(folder / place / f"{split}-00000-of-00001.parquet")
    return folder


def read(folder: Path, **keys: Any) -> ReadImages:
    given = {"source": "mnist", "path": str(folder), "image_size": 28, "held_out": 2}
    settings = Data(**(given | keys))
    return build(DATASETS, settings.source).read(settings, Path())


@pytest.mark.parametrize("make", [plain, compressed, hub, lambda folder: hub(folder, ".")])
def test_formats_give_the_same_images(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    dataset = read(make(tmp_path / "mnist"))
    assert dataset.test is not None
    for images, rows in ((dataset.images, slice(0, 20)), (dataset.test, slice(20, 26))):
        np.testing.assert_array_equal(images.pixels, PIXELS[rows][..., None])
        np.testing.assert_array_equal(images.labels, LABELS[rows])
        assert images.pixels.dtype == np.uint8
        assert images.labels.dtype == np.int64
        assert (images.contributors == -1).all()
    assert dataset.label_names == [f"digit {digit}" for digit in range(10)]


def test_fashion_has_the_same_format_and_other_classes(tmp_path: Path) -> None:
    dataset = read(plain(tmp_path / "fashion"), source="fashion_mnist", contributors="label")
    np.testing.assert_array_equal(dataset.images.contributors, LABELS[:20])
    assert dataset.contributor_names[0] == "T-shirt/top"
    assert len(dataset.label_names) == 10


def test_images_are_resized(tmp_path: Path) -> None:
    dataset = read(plain(tmp_path / "mnist"), image_size=32)
    assert dataset.images.pixels.shape == (20, 32, 32, 1)
    assert dataset.test is not None
    assert dataset.test.pixels.shape == (6, 32, 32, 1)


def test_test_split_is_needed_only_to_hold_images_out(tmp_path: Path) -> None:
    folder = plain(tmp_path / "mnist")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert read(folder, held_out=0).test is None
    with pytest.raises(UserError, match=r"whole test split of MNIST.*t10k-labels.*there are none"):
        read(folder)


def broken(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """The IDX files with another content of one."""

    def make(folder: Path) -> Path:
        path = plain(folder) / name
        path.write_bytes(change(path.read_bytes()))
        return folder

    return make


def twice(folder: Path) -> Path:
    compressed(folder)
    plain(folder / "copy")
    return folder


def truncated_gzip(folder: Path) -> Path:
    path = compressed(folder) / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    return folder


def colored(folder: Path) -> Path:
    cell = {"bytes": png(np.zeros((28, 28, 3), dtype=np.uint8)), "path": None}
    table = pd.DataFrame({"image": [cell], "label": [3]})
    table.to_parquet(hub(folder) / "mnist" / "train-00000-of-00001.parquet")
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    (folder / "mnist.zip").write_bytes(b"")
    return folder


IMAGES, NUMBERS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
FAULTS: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "another folder": (empty, ["holds no MNIST", "no .parquet and no -ubyte", "IDX files"]),
    "labels for images": (
        broken(IMAGES, lambda _: idx(LABELS[:20])),
        [IMAGES, "begins with 00 00 08 01, not with 00 00 08 03", "in 3 dimensions"],
    ),
    "floats": (broken(IMAGES, lambda c: c[:2] + b"\x0d" + c[3:]), ["begins with 00 00 0d 03"]),
    "no content": (broken(NUMBERS, lambda _: b""), [NUMBERS, "begins with , not"]),
    "half a header": (broken(IMAGES, lambda c: c[:6]), [IMAGES, "holds 6 bytes"]),
    "truncated": (
        broken(IMAGES, lambda c: c[:-1]),
        ["holds 15695 bytes, but its header tells of 15696", "truncated"],
    ),
    "something added": (broken(NUMBERS, lambda c: c + b"\0"), ["holds 29 bytes", "tells of 28"]),
    "fewer labels": (
        broken(NUMBERS, lambda _: idx(LABELS[:19])),
        ["holds 20 images", f"{NUMBERS} 19 labels"],
    ),
    "other images": (
        broken(IMAGES, lambda _: idx(PIXELS[:20, :14])),
        ["images of 14x28 pixels, not of 28x28"],
    ),
    "label above 9": (
        broken(NUMBERS, lambda c: c[:-1] + b"\x2a"),
        ["the label of image 19 is 42, not 0 to 9", "not of MNIST"],
    ),
    "truncated archive": (truncated_gzip, [f"{IMAGES}.gz cannot be read"]),
    "twice": (twice, ["whole train split", "once", f"copy/{IMAGES}, raw/{IMAGES}.gz"]),
    "in color": (colored, ["row 0 has the shape (28, 28, 3)", "MNIST, (28, 28, 1)"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_with_what_is_accepted(tmp_path: Path, fault: str) -> None:
    make, said = FAULTS[fault]
    folder = make(tmp_path / "mnist")
    with pytest.raises(UserError) as caught:
        read(folder)
    for part in [str(folder), "\n    Hint: ", *said]:
        assert part in str(caught.value)
