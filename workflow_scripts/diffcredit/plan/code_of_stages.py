"""The code of each stage: a digest where it is cheap, a number where models are at stake."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffcredit.code import digest_with_imports
from diffcredit.registry import Table

#: Raise the number of a stage when its results change. Models are too expensive to be made again
#: after every change of code.
VERSIONS = {
    "data": 4,
    "encode": 1,
    "classifier": 1,
    "training": 2,
    "pruning": 1,
    "coalitions": 1,
    # Counterfactual and regenerated coalitions.
    "requested": 1,
    "sampling": 2,
    "queries": 2,
    "model_behaviors": 2,
    "unlearning": 4,
    "gradients": 1,
    # Gradients along the sampling trajectory.
    "journeys": 2,
    "ekfac": 1,
}


class Code:
    """Digests of what the code of cheap stages does; comments and docstrings do not count.

    Args:
        known: known digests by file; others are computed when needed.
    """

    def __init__(self, known: Mapping[str, str] | None = None):
        self.known = dict(known or {})

    def __call__(self, *files: str) -> dict[str, str]:
        """The digest of each file and all that it imports, see `code.digest_with_imports`."""
        for file in files:
            if file not in self.known:
                self.known[file] = digest_with_imports(file)
        return {file: self.known[file] for file in files}

    def of_script(self, name: str, *blocks: tuple[Table[Any], Sequence[str]]) -> dict[str, str]:
        """The digests of a script, and of the building blocks that it uses.

        Args:
            name: of the script.
            *blocks: tables of the registry, each with names of its entries. The code of extensions
                counts with their options, see `diffcredit.config.options.Options`.
        """
        files = {table.file(entry) for table, entries in blocks for entry in entries}
        return self(f"../{name}.py", *sorted(file for file in files if file))
