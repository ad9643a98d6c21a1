"""Imports of the library point one way, and never run in a circle."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "workflow_scripts" / "diffcredit"
#: From what people look at down to what stands on nothing; a part imports itself and those below.
LAYERS = [
    ["report"],
    ["evaluation"],
    ["attribution"],
    ["behaviors"],
    ["sampling", "training"],
    ["models"],
    ["data", "coalitions"],
    ["jobs"],
    ["plan"],
    ["announcements"],
    ["targets", "terminal", "disk"],
    ["config"],
    ["extensions", "registry", "lazy"],
]
LEVELS = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def statements(nodes: list[ast.stmt], late: bool) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported; with ``late``, those of functions, too."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from statements(node.orelse, late)
            continue
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not late:
            continue
        for field in ("body", "orelse", "finalbody", "handlers"):
            yield from statements(getattr(node, field, []), late)


def module_of(name: str) -> str | None:
    """The module of the library that a name is, or is in."""
    package, *parts = name.split(".")
    if package != "diffcredit":
        return None
    while parts:
        place = LIBRARY.joinpath(*parts)
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            return ".".join(parts)
        parts = parts[:-1]
    return None


@cache
def imports(file: Path, late: bool) -> frozenset[str]:
    found = set()
    for node in statements(ast.parse(file.read_text()).body, late):
        if isinstance(node, ast.Import):
            found |= {module_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_of(f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset(name for name in found if name)


def modules() -> dict[str, Path]:
    found = {}
    for file in sorted(LIBRARY.rglob("*.py")):
        parts = file.relative_to(LIBRARY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return {name: file for name, file in found.items() if name}


def test_imports_point_one_way() -> None:
    wrong = []
    for name, file in modules().items():
        level = LEVELS.get(name.split(".")[0])
        for other in imports(file, late=True):
            below = LEVELS.get(other.split(".")[0])
            if below is None:  # Such as files and logs, which stand on nothing.
                continue
            if level is None or below < level:
                wrong.append(f"{name} imports {other}")
    assert not wrong, "\n".join(sorted(wrong))


def test_no_circle() -> None:
    """Modules that need each other while they are imported cannot be understood alone."""
    graph = {name: imports(file, late=False) & modules().keys() for name, file in modules().items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name] - {name}):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_no_file_is_long() -> None:
    long = {
        name: n for name, f in modules().items() if (n := len(f.read_text().splitlines())) > 400
    }
    assert not long


def test_names_of_test_files_differ() -> None:
    """Pytest imports them by their names alone: of two that are equal it collects one."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
