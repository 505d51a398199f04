"""Tries again what may go better later, for the command line: when nobody answers, or a server cannot now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol, TypeVar

from mxart.errors import Unavailable
from mxart.upstream.blocking import Stopped

PAUSES = (1.0, 4.0, 15.0)  # seconds before each further attempt


class HasStatus(Protocol):
    """An answer."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...


A = TypeVar("A", bound=HasStatus)


def is_passing(status: int) -> bool:
    """Whether the same request may succeed later: 408, 429, and 5xx but for what says that it never will.

    >>> [status for status in (200, 404, 408, 429, 500, 501, 503, 505, 507) if is_passing(status)]
    [408, 429, 500, 503]
    """
    return status in (408, 429) or (status >= 500 and status not in (501, 505, 507))


class Patience:
    """One instance for all threads that are stopped by the same event."""

    def __init__(self, stop: Event, pauses: Sequence[float] = PAUSES) -> None:
        self._stop = stop
        self._pauses = pauses

    def ask(self, question: Callable[[], A]) -> A:
        """The answer; the last one when all attempts are used up. Raises Stopped, and what ``question`` raises."""
        for pause in self._pauses:
            try:
                answer = question()
                if not is_passing(answer.status):
                    return answer
            except Unavailable:
                pass
            if self._stop.wait(pause):
                raise Stopped
        return question()
