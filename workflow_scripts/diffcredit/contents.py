"""Digests of the content of the user's files, so that a stage runs again when it changes.

A file is read again only if its size, time stamps or inode have changed; digests are cached in a
small file in the run's folder. Other time stamps with the same content change nothing.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from diffcredit.errors import UserError
from diffcredit.files import write_json

#: Folder of cached digests of users' files, within the folder of a run.
CACHES = Path(".snakemake/diffcredit")
#: Number of first bytes that identify the format of a file.
HEAD = 16
#: Seconds for which a changed file is not trusted: another change may leave the same time stamp.
FRESH = 2.0


#: Paths are strings here: a hundred thousand `Path` objects would cost seconds in every plan.
AnyPath = str | os.PathLike[str]
#: Reads the first bytes of a file.
Head = Callable[[AnyPath], bytes]


def read_head(path: AnyPath) -> bytes:
    """The first bytes of a file; empty if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


class Contents:
    """Heads and hashes of files, each read once.

    Args:
        cache: JSON file of cached digests; it is created, or replaced if it is broken.
    """

    def __init__(self, cache: Path):
        self.cache = cache
        self._known: dict[str, list[str]] = {}
        self._used: dict[str, list[str]] = {}
        try:
            content = json.loads(cache.read_text())
            self._known = content if isinstance(content, dict) else {}
        except (OSError, ValueError, RecursionError):
            pass

    def head(self, path: AnyPath) -> bytes:
        """The first bytes of a file; none where it cannot be read."""
        found = self._entry(path)
        if found is None:
            return b""
        if found[1] == "?":
            found[1] = read_head(path).hex()
        return bytes.fromhex(found[1])

    def digest(self, paths: Iterable[AnyPath], folder: AnyPath) -> str:
        """A hash of the files' names relative to a folder, and of their content."""
        listed, above = hashlib.blake2b(digest_size=8), f"{os.fspath(folder)}/"
        for path in paths:
            name = os.fspath(path).removeprefix(above)
            listed.update(f"{name}\0{self._hash(path)}\n".encode("utf-8", "surrogateescape"))
        return listed.hexdigest()

    def save(self) -> None:
        """Save the cache, without files that have changed just now."""
        newest = (time.time() - FRESH) * 1e9
        kept = {
            path: entry
            for path, entry in self._used.items()
            if max(map(int, entry[0].split()[1:3])) < newest
        }
        if kept != self._known:
            write_json(kept, self.cache)
            self._known = {path: list(entry) for path, entry in kept.items()}

    def _entry(self, path: AnyPath) -> list[str] | None:
        """State, head and hash of a file; "?" for unknown ones."""
        place = os.fspath(path)
        if place in self._used:
            return self._used[place]
        try:
            now = os.stat(place)  # noqa: PTH116
        except OSError:
            return None
        state = f"{now.st_size} {now.st_mtime_ns} {now.st_ctime_ns} {now.st_ino}"
        found = self._known.get(place)
        fits = isinstance(found, list) and len(found) == 3 and found[0] == state
        self._used[place] = list(found) if fits and found else [state, "?", "?"]
        return self._used[place]

    def _hash(self, path: AnyPath) -> str:
        found = self._entry(path)
        if found is None:
            return "missing"
        if found[2] == "?":
            try:
                with Path(path).open("rb") as file:
                    found[2] = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
            except OSError:
                return "unreadable"
        return found[2]


def of_folder(folder: Path, caches: Path) -> Contents:
    """The cached digests of a folder's files."""
    key = hashlib.blake2b(str(folder.absolute()).encode("utf-8", "surrogateescape"), digest_size=8)
    return Contents(caches / f"{key.hexdigest()}.json")


#: Which files a reader reads, given how heads of files are asked for.
Reads = Callable[[Callable[[AnyPath], bytes]], Iterable[AnyPath]]


def listing(folder: Path, reads: Reads, caches: Path) -> str:
    """A digest of the files that a reader reads, or of the reason why it reads none.

    Args:
        folder: that the files are in.
        reads: gives the files, in a fixed order.
        caches: folder of what is known of files.
    """
    contents = of_folder(folder, caches)
    try:
        found = contents.digest(reads(contents.head), folder)
    except UserError as error:
        return f"{error}"  # The job that reads them stops with it.
    contents.save()
    return found
