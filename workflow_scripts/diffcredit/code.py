"""Digests of code that ignore comments, docstrings and layout."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).parent
#: Parts of the library whose code counts for the results of cheap stages. Their imports from other
#: parts, such as `files` and `logs`, do not count; trainings and models have version numbers
#: instead.
COUNTED = ("attribution", "behaviors", "coalitions", "evaluation", "report", "ranks.py")


def digest(*parts: str) -> str:
    """A short hash of the given files and folders of the library, such as "attribution".

    Raises:
        FileNotFoundError: if a part does not exist.
    """
    return _digest([file for part in parts for file in _files(LIBRARY / part)])


#: The same, cached for processes that need a digest many times.
cached_digest = functools.cache(digest)


def digest_with_imports(part: str) -> str:
    """A short hash of a file and of its direct and indirect imports from the counted parts.

    Args:
        part: the file relative to the library, such as "../lds.py" or "attribution/shapley.py".

    Raises:
        FileNotFoundError: if the file does not exist.
    """
    return _digest(sorted(_reached((LIBRARY / part).resolve())))


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _digest(files: list[Path]) -> str:
    hashed = hashlib.blake2b(digest_size=8)
    for file in files:
        hashed.update(str(file.relative_to(LIBRARY.parent)).encode())
        hashed.update(_meaning(file.read_text()).encode())
    return hashed.hexdigest()


def _reached(start: Path) -> set[Path]:
    """A file, and the files of the counted parts that it imports directly or indirectly."""
    found, waiting = {start}, [start]
    while waiting:
        for file in _imported(waiting.pop()):
            if file not in found:
                found.add(file)
                waiting.append(file)
    return found


@functools.cache
def _imported(file: Path) -> tuple[Path, ...]:
    """The files of the counted parts that a file imports, also within its functions."""
    tree = ast.parse(file.read_text())
    return tuple(
        path
        for name in _names(tree.body)
        if (path := _place(name)) is not None and path.relative_to(LIBRARY).parts[0] in COUNTED
    )


def _names(nodes: list[ast.stmt]) -> Iterator[str]:
    """Imported modules, without imports that are only for type checkers."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _names(node.orelse)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            for field in ("body", "orelse", "finalbody", "handlers"):
                yield from _names(getattr(node, field, []))


def _place(name: str) -> Path | None:
    """The file of a module of the library; None for anything else."""
    package, *parts = name.split(".")
    if package != "diffcredit" or not parts:
        return None
    place = LIBRARY.joinpath(*parts)
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


def _meaning(source: str) -> str:
    """The syntax tree without docstrings and positions."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
