"""One file sent to a server with PUT, from a command line: blocking, with a user's credentials. Judges no status.

The server is asked first whether it wants the file at all (RFC 9110 §10.1.1, Expect), so that a refusal comes before
hundreds of megabytes have gone out. No redirect is followed: the credentials are for the server that was named.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pycurl

from mxart import __version__
from mxart.errors import BadUpstream, Unavailable
from mxart.upstream.failures import TimedOut, Unreachable, Untrusted, printable
from mxart.upstream.trust import UNTRUSTED, system_bundle

MAX_ANSWER = 64 << 10  # bytes of an answer that are kept; it is a sentence or two
_CONSENT_TIME = 5000  # milliseconds; a server that has not said "go on" by then may not know how to
_ATTEMPTS = 2

_BROKEN = {pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE, pycurl.E_HTTP2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What to send where. PUT is idempotent: what broke on its way is sent once more."""

    url: str  # percent-encoded, without credentials
    file: BinaryIO  # sent from its start; can be sought in
    size: int  # bytes
    media_type: str = "application/octet-stream"
    username: str = ""  # "": no credentials
    password: str = field(default="", repr=False)
    ca_file: Path | None = None  # a private authority, PEM; None: the system's
    connect_timeout: float = 10.0  # seconds
    stall_timeout: float = 300.0  # seconds without a byte either way; a server checks what came before it answers


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The answer: its status, and what it says, cut at `MAX_ANSWER` bytes."""

    status: int
    text: str


def upload(wanted: Upload, tick: Callable[[int], object]) -> Uploaded:
    """The server's answer. ``tick`` is told how many bytes went out since it was told last; negative when the file is
    begun again.

    Sends it a second time when the connection breaks. Goes by the environment's proxies. Raises Unreachable,
    TimedOut, Untrusted, BadUpstream.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        exchange = _Exchange(wanted, tick)
        try:
            return exchange.run()
        except pycurl.error as error:
            number, reason = error.args
            if number not in _BROKEN or attempt == _ATTEMPTS:
                raise _failure(wanted, number, printable(reason)) from error
    raise AssertionError("the last attempt returns or raises")


class _Exchange:
    """One attempt. libcurl prints what its callbacks raise and goes on, so an interrupt is kept until it is back."""

    def __init__(self, wanted: Upload, tick: Callable[[int], object]) -> None:
        self._wanted = wanted
        self._tick = tick
        self._answer = io.BytesIO()
        self._sent = 0
        self._interrupt: KeyboardInterrupt | None = None

    def run(self) -> Uploaded:
        """Raises pycurl.error, KeyboardInterrupt."""
        handle = pycurl.Curl()
        try:
            self._rewind(0)
            self._prepare(handle)
            self._perform(handle)
            text = self._answer.getvalue()[:MAX_ANSWER].decode(errors="replace")
            return Uploaded(handle.getinfo(pycurl.RESPONSE_CODE), text)
        except pycurl.error:
            self._tick(-self._sent)
            raise
        finally:
            handle.close()

    def _prepare(self, handle: pycurl.Curl) -> None:
        wanted = self._wanted
        for option, value in (
            (pycurl.URL, wanted.url),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.USERAGENT, f"mxart/{__version__}"),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.NOSIGNAL, 1),
            (pycurl.UPLOAD, 1),
            (pycurl.INFILESIZE_LARGE, wanted.size),
            (pycurl.HEADEROPT, pycurl.HEADER_SEPARATE),
            (pycurl.HTTPHEADER, ["Expect: 100-continue", f"Content-Type: {wanted.media_type}"]),
            (pycurl.EXPECT_100_TIMEOUT_MS, _CONSENT_TIME),
            (pycurl.CONNECTTIMEOUT_MS, int(wanted.connect_timeout * 1000)),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, max(1, int(wanted.stall_timeout))),
            (pycurl.READFUNCTION, self._on_read),
            (pycurl.SEEKFUNCTION, self._on_seek),
            (pycurl.WRITEFUNCTION, self._on_answer),
            (pycurl.XFERINFOFUNCTION, self._on_progress),
            (pycurl.NOPROGRESS, 0),
        ):
            handle.setopt(option, value)
        if wanted.username:
            handle.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
            handle.setopt(pycurl.USERNAME, wanted.username.encode())
            handle.setopt(pycurl.PASSWORD, wanted.password.encode())
        if bundle := wanted.ca_file or system_bundle():
            handle.setopt(pycurl.CAINFO, str(bundle))

    def _perform(self, handle: pycurl.Curl) -> None:
        """Return once there is an answer, be it one that came before everything was sent."""
        try:
            handle.perform()
        except pycurl.error:
            if self._interrupt is not None:
                raise self._interrupt from None
            # a refusal whose connection was closed on what was still being sent, or one without an end
            if handle.getinfo(pycurl.RESPONSE_CODE) < 400:
                raise

    def _rewind(self, offset: int) -> None:
        self._wanted.file.seek(offset)
        self._tick(offset - self._sent)
        self._sent = offset

    # --- called by libcurl ---

    def _on_read(self, size: int) -> bytes | int:
        try:
            chunk = self._wanted.file.read(size)
            self._sent += len(chunk)
            self._tick(len(chunk))
            return chunk
        except KeyboardInterrupt as interrupt:
            self._interrupt = interrupt
            return pycurl.READFUNC_ABORT  # type: ignore[no-any-return]

    def _on_seek(self, offset: int, origin: int) -> int:
        if origin != os.SEEK_SET:
            return pycurl.SEEKFUNC_CANTSEEK  # type: ignore[no-any-return]
        self._rewind(offset)
        return pycurl.SEEKFUNC_OK  # type: ignore[no-any-return]

    def _on_answer(self, chunk: bytes) -> int | None:
        self._answer.write(chunk)
        return None if self._answer.tell() <= MAX_ANSWER else 0

    def _on_progress(self, *_: float) -> int:
        """It is called about once a second, also when nothing moves: where Python sees that it is to stop."""
        try:
            return int(self._interrupt is not None)
        except KeyboardInterrupt as interrupt:
            self._interrupt = interrupt
            return 1


def _failure(wanted: Upload, number: int, reason: str) -> Unavailable | BadUpstream:
    server = urlsplit(wanted.url).netloc
    if number in UNTRUSTED:
        return Untrusted(f"{server} is not trusted: {reason}; if its authority is a private one, set SSL_CERT_FILE")
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return TimedOut(f"{server} cannot be reached in time: {reason}")
    if number == pycurl.E_WRITE_ERROR:
        return BadUpstream(f"{server} answers with more than {MAX_ANSWER} bytes: that is no mxart server")
    return Unreachable(f"{server} cannot be reached: {reason}")
