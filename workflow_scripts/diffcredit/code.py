"""A digest of what code does: comments, docstrings and layout do not count."""

import ast
import functools
import hashlib
from pathlib import Path

LIBRARY = Path(__file__).parent


def digest(*parts: str) -> str:
    """A short hash of the given files and folders of the library, such as "attribution".

    Raises:
        FileNotFoundError: if a part does not exist.
    """
    hashed = hashlib.blake2b(digest_size=8)
    for part in parts:
        place = LIBRARY / part
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for file in files:
            hashed.update(str(file.relative_to(LIBRARY.parent)).encode())
            hashed.update(_meaning(file.read_text()).encode())
    return hashed.hexdigest()


#: For programs that ask for the same digest again and again.
cached_digest = functools.cache(digest)


def _meaning(source: str) -> str:
    """The syntax tree without docstrings and places."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
