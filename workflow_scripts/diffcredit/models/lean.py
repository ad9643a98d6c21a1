"""Importing diffusers without packages that it would import beside itself, and nothing here needs.

Where they are installed, they take longer to import than diffusers.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: A process that uses one of them imports it itself, before or afterwards. (triton is not among
#: them: torch looks for it once, and would compile nothing afterwards.)
BESIDE = ("peft", "scipy", "transformers")

_lock = threading.RLock()


class _Without:
    """A finder of modules that does not find some packages when one thread asks.

    Args:
        finder: of `sys.meta_path`.
    """

    def __init__(self, finder: Any):
        self.finder, self.thread = finder, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """That of the finder, or None."""
        package = name.partition(".")[0]
        hidden = package in BESIDE and package not in sys.modules
        if hidden and threading.get_ident() == self.thread:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within, this thread does not find the packages `BESIDE` that are not imported yet.

    diffusers looks for them once, when it is imported, and does without them in this process;
    everything else finds them. Where diffusers or one of them has been imported before, nothing is
    hidden that was found then.
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
