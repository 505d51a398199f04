"""The ways in which an upstream fails, told apart by what the layers do next; to everyone above they are
`Unavailable` or `BadUpstream`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mxart.errors import BadUpstream, Unavailable


class Unreachable(Unavailable):
    """No connection, or it was lost before a head came."""


class TimedOut(Unavailable):
    """Connected, and then no byte for ``idle_timeout``."""


class Throttled(Unavailable):
    """429 or 503. ``stated``: ``retry_after`` is what the upstream said, not our default."""

    def __init__(self, message: str, status: int, stated: float | None) -> None:
        super().__init__(message, *(() if stated is None else (stated,)))
        self.status = status
        self.stated = stated is not None


class QueueFull(Unavailable):
    """The ceiling of connections was reached for longer than ``queue_timeout``: says nothing about the upstream."""


class KnownDown(Unavailable):
    """The upstream failed shortly before and was not asked again."""


class Untrusted(BadUpstream):
    """Its certificate cannot be verified: asking again is of no use until somebody changes the configuration."""


class Hidden(BadUpstream):
    """401 or 403 to somebody who has no credentials: perhaps there is no such thing. Registries that do not tell
    strangers what they have answer so for every name that they do not know."""


def is_server_error(error: Exception) -> bool:
    """Whether the upstream answered that it failed itself (5xx): asking again may succeed."""
    return isinstance(error, BadUpstream) and error.status >= 500


def printable(text: str, limit: int = 200) -> str:
    """``text`` of an upstream, fit for a log line or a message: no control characters, ``limit`` characters."""
    return "".join(character if character.isprintable() else " " for character in text[:limit])


@contextmanager
def named(label: str) -> Iterator[None]:
    """Whatever BadUpstream is raised inside says who failed, and stays of its class."""
    try:
        yield
    except BadUpstream as error:
        raise type(error)(f"{label}: {error}", error.status, error.retry_after) from error
