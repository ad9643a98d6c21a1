"""Importing diffusers without what it imports where that is installed, and nothing here needs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: They take longer than diffusers itself; jobs that use one import it themselves.
BESIDE = ("peft", "scipy", "transformers", "triton")


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within, packages that are beside the matter and not imported yet seem not to be installed.

    Afterwards they can be imported; diffusers does without them in this process. It looks for them
    once, when it is imported: where that was done elsewhere it relies on what it found, and nothing
    is hidden.
    """
    known = "diffusers" in sys.modules
    hidden = [] if known else [name for name in BESIDE if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: cannot be found
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
