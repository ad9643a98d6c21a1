"""Cached methods: a plan computes the same results many times."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def remembered(method: Callable[..., Answer]) -> Callable[..., Answer]:
    """A method that computes its result once for each object and arguments."""

    @wraps(method)
    def ask(self: Any, *arguments: Any) -> Answer:
        known = self.__dict__.setdefault("_remembered", {})
        key = (method.__name__, *arguments)
        if key not in known:
            known[key] = method(self, *arguments)
        answer: Answer = known[key]
        return answer

    return ask
