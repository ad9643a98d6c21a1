"""The digest of code changes with its meaning and with nothing else."""

import shutil
from pathlib import Path

import pytest

from diffcredit import code

SOURCE = '''"""A module."""

import math

LIMIT = 5


def area(radius: float) -> float:
    """Of a disk."""
    return math.pi * radius**2


class Disk:
    """Round."""

    sides = 1
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    library = tmp_path / "diffcredit"
    (library / "shapes").mkdir(parents=True)
    monkeypatch.setattr(code, "LIBRARY", library)
    file = library / "shapes" / "disk.py"
    file.write_text(SOURCE)
    return file


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 5", "LIMIT = 5  # five"),
        ('"""A module."""', '"""Another\n\ndocstring."""'),
        ('"""A module."""', ""),
        ('"""Of a disk."""', '"""Its area."""'),
        ('    """Round."""\n\n', ""),
        ("\n\n\n", "\n\n\n\n\n"),
        ("radius**2", "(radius ** 2)"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(module: Path, old: str, new: str) -> None:
    before = code.digest("shapes")
    assert old in SOURCE
    module.write_text(SOURCE.replace(old, new))
    assert code.digest("shapes") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 5", "LIMIT = 6"),
        ("radius**2", "radius**3"),
        ("radius: float)", "radius: float = 1.0)"),
        ("math.pi", "math.tau"),
        ("sides = 1", "sides = 1\n    corners = 0"),
        ("LIMIT = 5", 'LIMIT = 5\n"""A text that is no docstring."""'),
    ],
)
def test_changed_code_counts(module: Path, old: str, new: str) -> None:
    before = code.digest("shapes")
    assert old in SOURCE
    module.write_text(SOURCE.replace(old, new))
    assert code.digest("shapes") != before


def test_new_and_renamed_files_count(module: Path) -> None:
    alone = code.digest("shapes")
    shutil.copy(module, module.with_name("square.py"))
    both = code.digest("shapes")
    module.unlink()
    renamed = code.digest("shapes")
    assert len({alone, both, renamed}) == 3


def test_digest_of_a_file_and_of_several_parts(module: Path) -> None:
    other = module.parent.parent / "other.py"
    other.write_text("LIMIT = 1\n")
    before = code.digest("shapes", "other.py")
    assert code.digest("shapes/disk.py") == code.digest("shapes")
    other.write_text("LIMIT = 2\n")
    assert code.digest("shapes", "other.py") != before


def test_part_that_does_not_exist_is_an_error(module: Path) -> None:
    with pytest.raises(FileNotFoundError):
        code.digest("shape")


def test_every_part_of_the_library_has_a_digest_of_its_own() -> None:
    parts = ["attribution", "behaviors", "data", "evaluation", "models", "report", "training"]
    assert len({code.digest(part) for part in parts}) == len(parts)
