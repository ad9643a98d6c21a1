"""What a run takes on the disk, told by stage."""

from pathlib import Path

import pytest

from diffcredit import disk


def test_files_count_for_their_stage(tmp_path: Path) -> None:
    for name, size in {"samples/a/0-0": 3000, "samples/1": 500, "data/x": 20, "top": 7}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "data/link").symlink_to(tmp_path / "samples/a/0-0")
    assert next(iter(disk.by_stage(tmp_path).items())) == ("samples", 3500)
    assert disk.by_stage(tmp_path)["data"] < 500


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 kB"),
        (1234, "1.23 kB"),
        (999_400, "999 kB"),
        (999_600, "1 MB"),
        (45_600_000, "45.6 MB"),
        (7_800_000_000, "7.8 GB"),
        (12_000_000_000_000, "12 TB"),
        (12_000_000_000_000_000, "1.2e+04 TB"),
    ],
)
def test_sizes_as_people_write_them(size: int, expected: str) -> None:
    assert disk.written(size) == expected


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ({}, "0 kB"),
        ({"logs": 0}, "0 kB"),
        ({"samples": 9_000_000}, "9 MB (samples 9 MB)"),
        (
            {"samples": 9_000_000, "models": 900_000, "logs": 1000, "data": 500},
            "9.9 MB (samples 9 MB, models 900 kB, others 1.5 kB)",
        ),
    ],
)
def test_what_is_told(stages: dict[str, int], expected: str) -> None:
    assert disk.told(stages) == expected
