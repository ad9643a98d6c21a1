"""The disk usage of a run, by stage."""

from collections.abc import Mapping
from pathlib import Path

UNITS = ("kB", "MB", "GB", "TB")


def by_stage(run: Path) -> dict[str, int]:
    """Bytes of the files below each folder of a run, largest first.

    A file that goes away meanwhile, as unfinished work does, counts for nothing.
    """
    if not run.is_dir():
        return {}
    found = {folder.name: _bytes(folder) for folder in run.iterdir() if folder.is_dir()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_dir() else path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def told(stages: Mapping[str, int]) -> str:
    """The stages in a line, those of less than a hundredth together."""
    total = sum(stages.values())
    shown = {name: size for name, size in stages.items() if 100 * size >= total > 0}
    rest = total - sum(shown.values())
    parts = [f"{name} {written(size)}" for name, size in shown.items()]
    parts += [f"others {written(rest)}"] if rest else []
    return f"{written(total)}" + (f" ({', '.join(parts)})" if parts else "")


def written(size: int) -> str:
    """A number of bytes for people: 3.2 MB."""
    value = size / 1000
    for unit in UNITS[:-1]:
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} {UNITS[-1]}"
