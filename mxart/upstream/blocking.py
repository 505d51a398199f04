"""Requests from a command line: blocking, one at a time in each thread, with a user's credentials. Judges no status.

No redirect is followed: the credentials are for the server that was named. What is asked is idempotent (RFC 9110
§9.2.2): it is asked once more when the connection breaks.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import pycurl

from mxart import __version__
from mxart.errors import BadUpstream, Unavailable
from mxart.upstream.failures import TimedOut, Unreachable, Untrusted, printable
from mxart.upstream.trust import UNTRUSTED, system_bundle

T = TypeVar("T")

_ATTEMPTS = 2
_BROKEN = {pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE, pycurl.E_HTTP2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask, and as whom."""

    url: str  # percent-encoded, without credentials
    username: str = ""  # "": no credentials
    password: str = field(default="", repr=False)
    ca_file: Path | None = None  # a private authority, PEM; None: the system's
    connect_timeout: float = 10.0  # seconds
    stall_timeout: float = 300.0  # seconds without a byte either way


class Stopped(Exception):
    """Whoever asked wants no answer any more."""


def _never() -> bool:
    return False


class Connections(threading.local):
    """The connections of each thread that uses it, kept from one request to the next.

    ``stopped`` is asked about once a second, also while nothing moves; when it is true, requests end with `Stopped`.
    """

    def __init__(self, stopped: Callable[[], bool] = _never) -> None:
        self.handle = pycurl.Curl()
        self.stopped = stopped

    def close(self) -> None:
        """True after: those of this thread are closed."""
        self.handle.close()


class Attempt(ABC, Generic[T]):
    """One request. libcurl prints what its callbacks raise and goes on, so that is kept until it is back."""

    def __init__(self, wanted: Question, connections: Connections) -> None:
        self.wanted = wanted
        self.excess = "answers with what is no HTTP"  # what is told when a callback refuses what came
        self.raised: BaseException | None = None
        self.handle = connections.handle
        self._stopped = connections.stopped

    @abstractmethod
    def options(self) -> Iterator[tuple[int, object]]:
        """libcurl's options beside those of every request."""

    @abstractmethod
    def answer(self, status: int) -> T:
        """What is made of the answer, once it is there."""

    @abstractmethod
    def undo(self) -> None:
        """It failed: what was told of its progress is taken back."""

    def run(self) -> T:
        """Raises pycurl.error, Stopped, and what the callbacks raise."""
        try:
            self._prepare()
            self._perform()
            return self.answer(self.handle.getinfo(pycurl.RESPONSE_CODE))
        except pycurl.error:
            self.undo()
            raise

    def _prepare(self) -> None:
        wanted = self.wanted
        self.handle.reset()
        for option, value in (
            (pycurl.URL, wanted.url.encode()),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.USERAGENT, f"mxart/{__version__}"),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.NOSIGNAL, 1),
            (pycurl.HEADEROPT, pycurl.HEADER_SEPARATE),
            (pycurl.CONNECTTIMEOUT_MS, int(wanted.connect_timeout * 1000)),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, max(1, int(wanted.stall_timeout))),
            (pycurl.XFERINFOFUNCTION, self._on_progress),
            (pycurl.NOPROGRESS, 0),
            *self.options(),
        ):
            self.handle.setopt(option, value)
        if wanted.username:
            self.handle.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
            self.handle.setopt(pycurl.USERNAME, wanted.username.encode())
            self.handle.setopt(pycurl.PASSWORD, wanted.password.encode())
        if bundle := wanted.ca_file or system_bundle():
            self.handle.setopt(pycurl.CAINFO, str(bundle))

    def _perform(self) -> None:
        """Return once there is an answer, be it one that came before everything was sent."""
        try:
            self.handle.perform()
        except pycurl.error:
            if self.raised is not None:
                raise self.raised from None
            # a refusal whose connection was closed on what was still being sent, or one without an end
            if self.handle.getinfo(pycurl.RESPONSE_CODE) < 400:
                raise

    def _on_progress(self, *_: float) -> int:
        """It is called about once a second, also when nothing moves: where Python sees that it is to stop."""
        try:
            if self.raised is None and self._stopped():
                self.raised = Stopped()
            return int(self.raised is not None)
        except KeyboardInterrupt as interrupt:
            self.raised = interrupt
            return 1


def ask(attempt: Callable[[], Attempt[T]]) -> T:
    """What comes of it, at the second attempt if the connection breaks at the first.

    Goes by the environment's proxies. Raises Unreachable, TimedOut, Untrusted, BadUpstream, Stopped, and what
    callbacks raise.
    """
    for number in range(1, _ATTEMPTS + 1):
        trying = attempt()
        try:
            return trying.run()
        except pycurl.error as error:
            code, reason = error.args
            if code not in _BROKEN or number == _ATTEMPTS:
                raise _failure(trying, code, printable(reason)) from error
    raise AssertionError("the last attempt returns or raises")


def _failure(tried: Attempt[T], code: int, reason: str) -> Unavailable | BadUpstream:
    server = urlsplit(tried.wanted.url).netloc
    if code in UNTRUSTED:
        return Untrusted(f"{server} is not trusted: {reason}; if its authority is a private one, set SSL_CERT_FILE")
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return TimedOut(f"{server} cannot be reached in time: {reason}")
    if code == pycurl.E_WRITE_ERROR:
        return BadUpstream(f"{server} {tried.excess}")
    return Unreachable(f"{server} cannot be reached: {reason}")
