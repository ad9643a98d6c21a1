"""A thing that a job makes, and the identity by which it is known.

An identity is a digest of a thing's own settings, of the code that makes it and of the identities
of what it is made of. So it changes with whatever the thing depends on, however far away.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


def digest(*parts: Any) -> str:
    """A short hash of JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()


@dataclass(frozen=True, eq=False)
class Settings:
    """Settings that many things share; they are hashed once."""

    values: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """A hash of all of them."""
        return digest(self.values)


@dataclass(frozen=True, eq=False)
class Made:
    """What one job makes.

    Attributes:
        stage: which kind of thing it is.
        settings: what it is made by, all that its result depends on.
        of: what it is made of, by the names of the rule's inputs.
        own: settings of this one among those that share ``settings``.
        code: digests of the code that makes it, by stage, where a change of code makes it again.
        lasting: names in ``of`` of what counts by its settings alone, not by the code that made
            it, because it costs much less than this.
    """

    stage: str
    settings: Settings
    of: Mapping[str, "Made | Sequence[Made]"] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    lasting: frozenset[str] = frozenset()

    @cached_property
    def identity(self) -> str:
        """A hash of the settings, the code, and the identities of all that it is made of."""
        return digest(self.code, self._settings, self._of(lambda made: made.identity))

    @cached_property
    def without_code(self) -> str:
        """The identity, but for the code."""
        return digest(self._settings, self._of(lambda made: made.without_code))

    @property
    def params(self) -> dict[str, Any]:
        """For the job: its identity, which identities its inputs may have, and its settings."""
        reads = {name: [made.identity for made in _listed(made)] for name, made in self.of.items()}
        told = {"identity": self.identity, "reads": reads, "code": self.code}
        return {**self.settings.values, **self.own, **told}

    @property
    def _settings(self) -> list[Any]:
        return [self.stage, self.settings.digest, self.own]

    def _of(self, known_by: Any) -> dict[str, list[str]]:
        return {
            name: [
                made.without_code if name in self.lasting else known_by(made)
                for made in _listed(found)
            ]
            for name, found in self.of.items()
        }


def _listed(made: Made | Sequence[Made]) -> Sequence[Made]:
    return [made] if isinstance(made, Made) else made


#: What a thing is made of, by the names of the rule's inputs.
Of = dict[str, Made | Sequence[Made]]
