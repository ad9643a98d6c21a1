"""Building blocks of the user's own: Python files that a configuration names.

``extensions: [my_method.py]`` runs each file once, before the rest of the configuration is checked.
The file registers what it defines, such as ``OBJECTIVES.add("mine", Mine)``. Its code counts: what
was made with a building block of a file is made again when the file changes.
"""

import hashlib
import sys
import traceback
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from diffcredit import registry
from diffcredit.errors import UserError

PREFIX = "diffcredit_extension_"


def load(paths: Sequence[str | Path], base: Path = Path()) -> None:
    """Run the files of extensions; one that was run before, and has not changed, is left alone.

    Args:
        paths: of the files, relative to ``base``.
        base: a folder.

    Raises:
        UserError: naming the file that is missing or fails, with its line.
    """
    for path in paths:
        try:
            place = (base / Path(path).expanduser()).resolve()
            content = place.read_bytes()
        except FileNotFoundError as error:
            raise UserError(f"extensions = {str(path)!r}: there is no such file") from error
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}"
            raise UserError(f"extensions = {str(path)!r}: {reason}") from error
        _run(place, content, str(path))


def digest(block: type) -> str | None:
    """A digest of the file that defines a class; None for those of diffcredit itself."""
    module = sys.modules.get(block.__module__)
    found: str | None = getattr(module, "__digest__", None)
    return found


def _run(place: Path, content: bytes, shown: str) -> None:
    hashed = hashlib.blake2b(content, digest_size=8).hexdigest()
    # Two files of one name in different folders are two modules.
    folder = hashlib.blake2b(str(place.parent).encode(), digest_size=4).hexdigest()
    name = f"{PREFIX}{place.stem}_{folder}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__digest__", None) == hashed:
        return
    module = _module(name, place)
    module.__digest__ = hashed  # type: ignore[attr-defined]
    sys.modules[name] = module
    before = registry.registered()
    try:
        exec(compile(content, place, "exec"), module.__dict__)  # noqa: S102 - that is what it is for
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UserError(f"extensions = {shown!r}: {_told(error, place)}") from error
    if registry.registered() == before:
        raise UserError(
            f"extensions = {shown!r}: it registers nothing\n"
            "    Hint: end it with a line such as MEASURES.add('mine', Mine)"
        )


def _module(name: str, place: Path) -> ModuleType:
    spec = spec_from_loader(name, SourceFileLoader(name, str(place)))
    assert spec is not None
    return module_from_spec(spec)


def _told(error: BaseException, place: Path) -> str:
    """What went wrong, and in which line of the file."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(place)
    ]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"
