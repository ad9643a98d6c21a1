"""What is in a user's folder: its files, with links followed, and what is there that is no file.

Nothing is opened here, so that the configuration can ask, too.
"""

import os
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from diffcredit.text import clean

#: Files and folders that systems leave; they are never anybody's images.
LITTER = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "__macosx",
        "icon\r",
        "$recycle.bin",
        "system volume information",
        "@eadir",
        "lost+found",
    }
)
HIDDEN, SYSTEM = "hidden", "system file"
BROKEN_LINK = "broken link"
FORBIDDEN_FOLDER = "folder without permission"
FORBIDDEN_FILE = "file without permission"
SPECIAL = "special file"
CYCLE = "link to a folder that it lies in"
SECOND_WAY = "link to a folder that is read already"
UNREACHABLE = "unreachable path"
#: What is no concern of a reader.
IGNORED = frozenset({HIDDEN, SYSTEM})


@dataclass(frozen=True)
class FolderEntry:
    """A file, or something that is no file.

    Attributes:
        name: its path relative to the folder, with slashes.
        why_not: why it cannot be read as a file; "" for a file.
    """

    name: str
    why_not: str = ""


def files(seen: Iterable[FolderEntry]) -> list[str]:
    """The names of the files, sorted by folder."""
    found = [s.name for s in seen if not s.why_not]
    return sorted(found, key=lambda name: name.split("/"))


def walk(folder: Path) -> Iterator[FolderEntry]:
    """Everything below a folder. Links are followed, but no folder is entered twice.

    Each subfolder of the first level is a walk of its own, so that two of them may link to the same
    folder. Within one, the folder itself is preferred to links to it.
    """
    above = _identity(folder)
    found: list[FolderEntry] = []
    for entry in _entries(folder, "", found):
        if isinstance(entry, FolderEntry):
            yield entry
        else:
            yield from _walk_one(str(folder), entry.name, above)
    yield from found


def subfolders(folder: Path) -> list[str]:
    """Names of the subfolders that hold anything but hidden files, system files and folders."""
    return [name for name in _folders(folder) if _holds(folder, name)]


def fewer_files(folder: Path, wanted: int) -> int | None:
    """How many files are below a folder, if fewer than wanted; looks no further than needed."""
    found = (seen for seen in walk(folder) if not seen.why_not)
    there = sum(1 for _ in islice(found, wanted))
    return there if there < wanted else None


def empty_subfolders(folder: Path) -> list[str]:
    """Names of the subfolders that hold nothing, or hidden and system files alone."""
    return [name for name in _folders(folder) if not _holds(folder, name)]


def meant(name: str) -> str:
    """The name that a folder gives to a contributor or class: without what nobody sees."""
    return clean(as_text(name)) or as_text(name)


def as_text(name: str) -> str:
    """A name as text: letters in one piece (NFC), bytes that are no text written out."""
    return unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode()


def _folders(folder: Path) -> list[str]:
    entries = _entries(folder, "", [])
    return sorted(entry.name for entry in entries if not isinstance(entry, FolderEntry))


def _holds(folder: Path, name: str) -> bool:
    seen = _walk_one(str(folder), name, _identity(folder))
    return any(s.why_not not in IGNORED for s in seen)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _walk_one(root: str, top: str, above: tuple[int, int]) -> Iterator[FolderEntry]:
    """Everything below a subfolder: first its own folders, then those that links lead to."""
    entered: set[tuple[int, int]] = set()
    waiting: deque[tuple[str, frozenset[tuple[int, int]]]] = deque([(top, frozenset({above}))])
    links: deque[tuple[str, frozenset[tuple[int, int]]]] = deque()
    while waiting or links:
        name, around = waiting.popleft() if waiting else links.popleft()
        try:
            own = _identity(Path(root, name))
        except OSError:
            yield FolderEntry(name, UNREACHABLE)
            continue
        if own in around or own in entered:
            yield FolderEntry(name, CYCLE if own in around else SECOND_WAY)
            continue
        entered.add(own)
        told: list[FolderEntry] = []
        for entry in _entries(Path(root) / name, f"{name}/", told):
            if isinstance(entry, FolderEntry):
                yield entry
            else:
                later = links if entry.is_symlink() else waiting
                later.append((f"{name}/{entry.name}", around | {own}))
        yield from told


def _entries(
    folder: Path, prefix: str, told: list[FolderEntry]
) -> Iterator["FolderEntry | os.DirEntry[str]"]:
    """Files of a folder as `FolderEntry`, subfolders as `DirEntry`; failures go to ``told``."""
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        told.append(FolderEntry(prefix.rstrip("/") or ".", FORBIDDEN_FOLDER))
        return
    except OSError:
        told.append(FolderEntry(prefix.rstrip("/") or ".", UNREACHABLE))
        return
    for entry in ordered:
        name = prefix + entry.name
        why_not = _why_not(entry)
        if why_not is None:
            yield entry
        else:
            yield FolderEntry(name, why_not)


def _why_not(entry: "os.DirEntry[str]") -> str | None:
    """Why an entry is no file; "" where it is one, None where it is a folder."""
    if entry.name.startswith("."):
        return HIDDEN
    if entry.name.lower() in LITTER:
        return SYSTEM
    try:
        if entry.is_dir():
            return None
        if entry.is_file():
            return ""
        return SPECIAL if Path(entry.path).exists() else BROKEN_LINK
    except PermissionError:
        return FORBIDDEN_FILE
    except OSError:  # Links in a circle, or a path that is too long.
        return BROKEN_LINK
