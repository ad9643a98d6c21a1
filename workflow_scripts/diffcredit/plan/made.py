"""Results of jobs, and their identities.

An identity is a digest of a result's settings, of the code that makes it, and of the identities of
its inputs. So it changes with everything that the result depends on, directly or indirectly.
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
    """Settings that many results share; they are hashed once."""

    values: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """A hash of all settings."""
        return digest(self.values)


@dataclass(frozen=True, eq=False)
class Made:
    """The result of one job.

    Attributes:
        stage: the kind of result.
        settings: all settings that the result depends on.
        of: the inputs, by the names in the rule.
        own: settings of this result that are not in the shared ``settings``.
        code: digests of the code by file, if the result is made again after a change of code.
        lasting: names of inputs that count only by their settings, not by their code, because they
            cost much less than this result.
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
        """The identity without the code."""
        return digest(self._settings, self._of(lambda made: made.without_code))

    @property
    def params(self) -> dict[str, Any]:
        """The params of the job: identity, expected identities of inputs, and settings."""
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


#: The inputs of a result, by the names in the rule.
Of = dict[str, Made | Sequence[Made]]
