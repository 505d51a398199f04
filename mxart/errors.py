"""The errors of the domain: few, and told apart by what the caller can do next.

They know nothing of HTTP; ``server/failures.py`` holds the one table from class to status. A format's own errors
live beside its parser and derive from these. Each carries its facts as attributes; the message is one sentence for
a person, says what to do, and names no secret.
"""

from __future__ import annotations

from typing import Literal

TokenFault = Literal["", "invalid_token", "insufficient_scope"]


class MxartError(Exception):
    """Base of every error that mxart raises on purpose. ``str(error)`` is a sentence fit for a client to see."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(MxartError):
    """What was asked for does not exist, as far as those who must know have said (404)."""


class Gone(NotFound):
    """It existed, and was taken back for good (410)."""


class Invalid(MxartError):
    """The request or the content is malformed; sending it again unchanged will fail again (400)."""


class Unauthenticated(MxartError):
    """Nobody has been proven to ask, and somebody must be (401).

    ``challenge``: how to prove it; whoever knows better what the client speaks sets another. ``reason``: what is wrong
    with the token that came (RFC 6750 §3.1): "invalid_token", "insufficient_scope", or "" when none came.
    """

    def __init__(
        self, message: str, challenge: str = 'Basic realm="mxart", charset="UTF-8"', reason: TokenFault = ""
    ) -> None:
        super().__init__(message)
        self.challenge = challenge
        self.reason = reason


class Denied(MxartError):
    """Known, and not allowed; or blocked by a rule for everyone (403)."""


class Conflict(MxartError):
    """It exists already with other content (409)."""


class TooLarge(MxartError):
    """More bytes than a limit allows (413). ``limit`` in bytes."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class Unsupported(MxartError):
    """The repository does not do this (405). ``allowed``: the methods that it does answer."""

    def __init__(self, message: str, allowed: tuple[str, ...] = ("GET", "HEAD")) -> None:
        super().__init__(message)
        self.allowed = allowed


class Unavailable(MxartError):
    """Not now; the same request may succeed after ``retry_after`` seconds (503)."""

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadUpstream(MxartError):
    """The upstream answered with something that cannot be used (502).

    ``status``: the upstream's HTTP status, 0 when it gave none. ``retry_after``: seconds.
    """

    def __init__(self, message: str, status: int = 0, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Corrupt(MxartError):
    """Bytes are not what they must be: wrong digest, wrong length, a malformed archive (500; from an upstream 502)."""


class StoreFull(MxartError):
    """No room: the disk or the index is full. What is held stays readable (507)."""
