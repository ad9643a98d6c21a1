"""One process at a time makes a thing, also where a run was started twice or outlived its jobs.

POSIX record locks: they end with their process, however it ends, and hold on network file systems
that have a lock service (NFS 4, Lustre with flock). Where a file system has none, that is told.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from diffcredit.logs import logger

#: What a file system without locks says.
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def exclusive(path: Path, label: str) -> Iterator[bool]:
    """Hold a lock within the block, after waiting for who holds it.

    Args:
        path: of the lock file; it is made, and removed at the end.
        label: what is made, for messages.

    Yields:
        Whether another process held it, so that the thing may be made by now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file, waited = _locked(path, label)
    if file is None:
        yield waited
        return
    with file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield waited
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path, label: str) -> tuple[IO[str] | None, bool]:
    waited = False
    while True:
        file = path.open("a+")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in UNSUPPORTED:
                logger.warning(
                    "%s: this file system has no locks (%s), so that a second run at the same time "
                    "would not be noticed",
                    label,
                    error.strerror,
                )
                file.close()
                return None, waited
            file.seek(0)
            logger.info("%s: waiting for %s, which makes it", label, file.read() or "a process")
            waited = True
            fcntl.lockf(file, fcntl.LOCK_EX)
        if _is(path, file):
            return file, waited
        file.close()  # Who held it has removed it.


def _is(path: Path, file: IO[str]) -> bool:
    """Whether an open file is still the one of a path."""
    try:
        there, held = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
