"""Import diffusers without optional packages that it would import, and nothing here needs.

Where they are installed, they take longer to import than diffusers.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Optional packages to hide. Code that uses one of them imports it itself, before or afterwards.
#: (triton is not hidden: torch looks for it only once, and could not compile afterwards.)
BESIDE = ("peft", "scipy", "transformers")

_lock = threading.RLock()


class _Without:
    """A module finder that hides some packages from one thread.

    Args:
        finder: the original one, of `sys.meta_path`.
    """

    def __init__(self, finder: Any):
        self.finder, self.thread = finder, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of the original finder, or None for a hidden package."""
        package = name.partition(".")[0]
        hidden = package in BESIDE and package not in sys.modules
        if hidden and threading.get_ident() == self.thread:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)


@contextmanager
def lean_imports() -> Iterator[None]:
    """Hide the packages `BESIDE` that are not imported yet from this thread within the block.

    diffusers looks for them once, when it is imported, and does without them in this process; other
    code finds them. Packages that were imported before are not hidden.
    """
    if "diffusers" in sys.modules:
        yield
        return
    with _lock:
        sys.meta_path[:] = [_Without(finder) for finder in sys.meta_path]
        try:
            yield
        finally:
            sys.meta_path[:] = [
                finder.finder if isinstance(finder, _Without) else finder
                for finder in sys.meta_path
            ]
