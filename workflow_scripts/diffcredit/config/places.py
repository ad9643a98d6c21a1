"""Paths that a user names: whether they can be one, and what they lead to."""

import os
from pathlib import Path

#: Longest path, and longest name of a file, that file systems take, in bytes.
LONGEST_PATH, LONGEST_NAME = 4095, 255


def usable(path: str) -> str:
    """A text that can be a path.

    Raises:
        ValueError: saying why it cannot.
    """
    if not path.strip():
        raise ValueError("an empty text is no path")
    if "\0" in path:
        raise ValueError("a path has no character 0")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError("it has characters that no path has") from None
    if len(encoded) > LONGEST_PATH or any(len(p) > LONGEST_NAME for p in encoded.split(b"/")):
        raise ValueError(
            f"it is too long: a path has at most {LONGEST_PATH} bytes, and {LONGEST_NAME} "
            "between two slashes"
        )
    try:
        Path(path).expanduser()
    except RuntimeError:
        user = path.split("/")[0]
        raise ValueError(f"nobody here is called {user[1:]}; write the folder for {user}") from None
    return path


def is_usable(path: object) -> bool:
    """Whether a value is a text that can be a path."""
    try:
        return isinstance(path, str) and bool(usable(path))
    except ValueError:
        return False


def missing_folder(path: Path) -> str | None:
    """Why a path is no folder that can be read; None where it is one."""
    return _missing(path, "folder", os.R_OK | os.X_OK)


def missing_file(path: Path) -> str | None:
    """Why a path is no file that can be read; None where it is one."""
    return _missing(path, "file", os.R_OK)


def _missing(path: Path, kind: str, access: int) -> str | None:
    try:
        found = {"folder": path.is_dir(), "file": path.is_file()}
        there = path.exists()
    except OSError as error:
        return f"must be an existing {kind}; this one cannot be looked at: {error.strerror}"
    if not found[kind]:
        other = "file" if found["file"] else "folder" if found["folder"] else "something else"
        return f"must be an existing {kind}" + (f"; it is a {other}" if there else "")
    if not os.access(path, access):
        return f"must be a {kind} that you may read; its permissions forbid it"
    return None
