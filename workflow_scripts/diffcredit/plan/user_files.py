"""Digests of the user's files that a run reads, each computed once, when needed."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diffcredit import contents
from diffcredit.config import Config, lists
from diffcredit.config.counts import injected_file
from diffcredit.config.options import build
from diffcredit.plan.remembered import remembered
from diffcredit.registry import DATASETS


class UserFiles:
    """Digests of the files that a configuration names.

    Questions are ``data``, the files that the dataset reads; ``injected``, the image that is
    injected; ``pretrained``, a model trained elsewhere; ``images`` and a folder; ``file`` and the
    path of one, such as published weights; ``coalitions``, the path of a list of them, and the
    number of the first and of the first that is not read.

    Args:
        config: names them, relative to ``base``.
        base: folder of the run.
        caches: folder of cached digests of files.
        known: known digests by question; others are computed when needed.
    """

    def __init__(
        self, config: Config, base: Path, caches: Path, known: Mapping[str, str] | None = None
    ):
        self._config, self._base, self._caches = config, base, caches
        self.known = dict(known or {})

    def digests(self, *questions: tuple[Any, ...]) -> dict[str, str]:
        """The answer to each question, such as ("data",) or ("file", path)."""
        found = {}
        for question in questions:
            key = json.dumps(question)
            if key not in self.known:
                self.known[key] = self._answer(*question)
            found[key] = self.known[key]
        return found

    def changed(self, digests: Mapping[str, str]) -> list[str]:
        """The questions whose digests have changed."""
        return [key for key, then in digests.items() if self._answer(*json.loads(key)) != then]

    def _answer(self, kind: str, *place: Any) -> str:
        answers: dict[str, Callable[..., str]] = {
            "data": self._data,
            "injected": self._injected,
            "pretrained": self._pretrained,
            "images": self._images,
            "file": self._file,
            "coalitions": self._coalitions,
        }
        return answers[kind](*place)

    def _data(self) -> str:
        data = self._config.data
        assert data.path is not None
        source = build(DATASETS, data.source)
        return self._listing(data.path, lambda head: source.files(data, self._base, head))

    def _injected(self) -> str:
        assert self._config.data.injected is not None
        image = injected_file(self._config.data.injected, self._base)
        assert image is not None
        return self._file(str(image))

    def _pretrained(self) -> str:
        folder = self._config.full.pretrained
        assert folder is not None
        return self._listing(folder, lambda head: self._config.model.pretrained_files(folder))

    def _images(self, folder: str) -> str:
        from diffcredit import image_files

        return self._listing(
            folder, lambda head: image_files.paths(Path(folder).expanduser(), head)
        )

    def _file(self, path: str) -> str:
        return self._listing(path, lambda head: [path])

    def _coalitions(self, path: str, first: int, end: int) -> str:
        return lists.digest(self._list(path), range(first, end))

    @remembered
    def _list(self, path: str) -> lists.List:
        return lists.read(Path(path))

    def _listing(self, place: str, reads: contents.Reads) -> str:
        return contents.listing(Path(place).expanduser(), reads, self._caches)
