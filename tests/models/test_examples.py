"""Examples on disk: memory-mapped, known by their content, and never mistaken for others."""

from pathlib import Path

import numpy as np
import pytest
import torch
from trainings import FAMILY, encoded

from diffcredit.errors import UserError
from diffcredit.files import read_json, write_json
from diffcredit.models import examples
from diffcredit.models.examples import Examples


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=generator)


@pytest.fixture
def folder(tmp_path: Path, images: torch.Tensor) -> Path:
    examples.write(encoded(images), tmp_path / "examples", {"family": dict(FAMILY.settings)})
    return tmp_path / "examples"


def test_examples_survive_their_files_and_are_mapped(folder: Path, images: torch.Tensor) -> None:
    found = examples.read(folder)
    assert isinstance(found.array, np.memmap)
    assert torch.equal(found.stored, images)
    assert found.condition is None
    assert found.digest == encoded(images).digest


def test_conditions_survive_too(tmp_path: Path) -> None:
    written = Examples(np.zeros((3, 2), np.float16), np.arange(3))
    examples.write(written, tmp_path / "examples")
    found = examples.read(tmp_path / "examples")
    assert found[[2, 0]].condition.tolist() == [2, 0]  # type: ignore[union-attr]
    assert found.digest == written.digest
    assert found.digest != Examples(written.array, np.arange(1, 4)).digest


@pytest.mark.parametrize(
    "rows", [slice(2, 7), [4, 1, 1], np.arange(12) % 3 == 0, torch.tensor([11, 0])]
)
def test_some_of_them_are_those_and_known_by_them(
    folder: Path, images: torch.Tensor, rows: object
) -> None:
    """The digest of a part is that of its content in its order, wherever it comes from."""
    found = examples.read(folder)[rows]  # type: ignore[index]
    expected = images[torch.from_numpy(rows) if isinstance(rows, np.ndarray) else rows]  # type: ignore[index]
    assert torch.equal(found.stored, expected)
    assert len(found) == len(expected)
    assert found.digest == encoded(expected).digest
    assert torch.equal(found[1:].stored, expected[1:])


def test_digest_follows_content_order_shape_and_type(images: torch.Tensor) -> None:
    known = {
        encoded(images).digest,
        encoded(images.flip(0)).digest,
        encoded(images[:11]).digest,
        encoded(images + 1).digest,
        Examples(images.view(12, 8, 8).numpy()).digest,
        Examples(images.view(torch.int8).numpy()).digest,
    }
    assert len(known) == 6


def spoil_content(folder: Path) -> None:
    array = np.load(folder / examples.STORED)
    array[3, 0, 2, 2] ^= 1
    np.save(folder / examples.STORED, array)


def spoil_digests(folder: Path) -> None:
    digests = np.load(folder / examples.DIGESTS)
    digests[5, 0] ^= 1
    np.save(folder / examples.DIGESTS, digests)


def spoil_both(folder: Path) -> None:
    """Other content with digests of its own; the digest of all is of the first."""
    other = encoded(torch.zeros(12, 1, 8, 8, dtype=torch.uint8))
    np.save(folder / examples.STORED, other.stored.numpy())
    np.save(folder / examples.DIGESTS, other.digests)


def leave_out(folder: Path) -> None:
    facts = read_json(folder / examples.FACTS)
    del facts["digest"]
    write_json(facts, folder / examples.FACTS)


def shorten(folder: Path) -> None:
    np.save(folder / examples.STORED, np.load(folder / examples.STORED)[:11])


def truncate(folder: Path) -> None:
    path = folder / examples.STORED
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize(
    "harm", [spoil_content, spoil_digests, spoil_both, leave_out, shorten, truncate]
)
def test_examples_that_are_not_what_was_written_are_told(folder: Path, harm: object) -> None:
    harm(folder)  # type: ignore[operator]
    with pytest.raises(UserError, match="examples"):
        examples.read(folder)
