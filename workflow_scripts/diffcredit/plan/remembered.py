"""Methods whose answers are remembered: a plan is asked for the same things again and again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def remembered(method: Callable[..., Answer]) -> Callable[..., Answer]:
    """A method that computes its answer for given arguments once for each object."""

    @wraps(method)
    def ask(self: Any, *arguments: Any) -> Answer:
        known = self.__dict__.setdefault("_remembered", {})
        key = (method.__name__, *arguments)
        if key not in known:
            known[key] = method(self, *arguments)
        answer: Answer = known[key]
        return answer

    return ask
