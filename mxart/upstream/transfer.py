"""One request under way: a head, then a body to be pulled. Judges no status.

Tornado's client hands a body on as fast as it comes. So each libcurl handle gets our own callbacks: what arrives
waits in a bounded buffer, a full buffer pauses the transfer (the peer then meets TCP or HTTP/2 flow control), and
taking from the buffer resumes it. libcurl must not be re-entered from its own callbacks, so these only note what
came; everything else runs from the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pycurl
from tornado.curl_httpclient import CurlError
from tornado.httpclient import HTTPResponse

from mxart.errors import BadUpstream, Unavailable
from mxart.upstream import Broken
from mxart.upstream.failures import TimedOut, Unreachable, Untrusted, printable
from mxart.upstream.fields import Fields
from mxart.upstream.trust import UNTRUSTED

BUFFER_SIZE = 1024 * 1024  # bytes that wait for the consumer before the transfer pauses
_DRAIN_SIZE = 64 * 1024  # bytes of an unwanted body worth reading to keep the connection …
_DRAIN_TIME = 1.0  # … and seconds
_AGAIN = 0.01  # seconds between two attempts to have libcurl end a transfer

_E_HTTP2_STREAM, _E_PROXY = 92, 97  # libcurl's numbers, which pycurl does not name
_UNREACHABLE = {
    pycurl.E_COULDNT_RESOLVE_HOST,
    pycurl.E_COULDNT_RESOLVE_PROXY,
    pycurl.E_COULDNT_CONNECT,
    pycurl.E_OPERATION_TIMEDOUT,  # only connecting has a time limit of libcurl's
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_GOT_NOTHING,
    pycurl.E_SEND_ERROR,
    pycurl.E_RECV_ERROR,
    pycurl.E_PARTIAL_FILE,
    pycurl.E_HTTP2,
    _E_HTTP2_STREAM,
    _E_PROXY,
}


@dataclass(frozen=True, slots=True)
class RawHead:
    """Status and header fields: lower-case names, repeated fields joined by ", ". ``words``: what a refusal says for
    itself in plain text, one line; "" when it says nothing."""

    status: int
    headers: dict[str, str]
    words: str = ""


class Transfer:
    """One request under way, for one consumer: first ``head``, then ``read`` until b"".

    ``label`` names the upstream in messages. ``idle_timeout``: seconds without a byte, while one is wanted.
    """

    def __init__(self, label: str, idle_timeout: float) -> None:
        self._label = label
        self._idle_timeout = idle_timeout
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._fields = Fields()
        self._chunks: deque[bytes] = deque()
        self._size = 0  # bytes in _chunks
        self._paused = False
        self._abandoned = False
        self._timed_out = False
        self._closed = False
        self._last = self._loop.time()
        self._timer = self._loop.call_later(idle_timeout, self._watch)
        self._handle: pycurl.Curl | None = None
        self._done: asyncio.Future[HTTPResponse] = self._loop.create_future()

    # --- for the consumer ---

    async def head(self) -> RawHead:
        """The final head, interim ones left out. Raises Unreachable, TimedOut, Untrusted, BadUpstream."""
        while not self._fields.complete:
            if self._ended():
                raise self._failure_before_head()
            await self._wait()
        return RawHead(self._fields.status, self._fields.joined())

    async def read(self) -> bytes:
        """What has arrived of the body, at least one byte; b"" at its end. Raises Broken."""
        while not self._chunks:
            if self._ended():
                self._raise_if_broken()
                return b""
            await self._wait()
        return self._take()

    async def discard(self) -> None:
        """End it, keeping the connection where that is cheaper than a new one: a small rest is read."""
        size = 0
        try:
            with suppress(TimeoutError, Broken):
                async with asyncio.timeout(_DRAIN_TIME):
                    while size < _DRAIN_SIZE and (chunk := await self.read()):
                        size += len(chunk)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End it now; what has not been read is lost. Safe at any time, also after the end."""
        self._abandoned = True
        self._timer.cancel()
        self._chunks.clear()
        self._interrupt()

    # --- for the client that drives it ---

    def attach(self, handle: pycurl.Curl) -> None:
        """Let this handle's transfer be ours: libcurl is about to start it."""
        self._handle = handle
        self._last = self._loop.time()
        handle.setopt(pycurl.HEADERFUNCTION, self._on_header)
        handle.setopt(pycurl.WRITEFUNCTION, self._on_body)
        handle.setopt(pycurl.XFERINFOFUNCTION, self._on_progress)
        handle.setopt(pycurl.NOPROGRESS, 1)  # only `_interrupt` wants it
        if self._abandoned:
            self._interrupt()

    def follow(self, done: asyncio.Future[HTTPResponse], ended: Callable[[Transfer], None]) -> None:
        """``done`` is resolved when libcurl has ended it, in whatever way; ``ended`` is called after that."""
        self._done = done
        done.add_done_callback(lambda _: self._finished(ended))

    def close(self) -> None:
        """The client goes away: whoever waits gets an error."""
        self.abandon()
        self._closed = True
        self._news.set()

    # --- inside ---

    def _ended(self) -> bool:
        # Tornado resolves its future before it gives the handle to the next request, so this also tells whether
        # the handle is still ours to touch.
        return self._closed or self._done.done()

    def _finished(self, ended: Callable[[Transfer], None]) -> None:
        self._done.exception()  # known now: asyncio need not warn that nobody looked
        self._timer.cancel()
        self._handle = None
        self._news.set()
        ended(self)

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _take(self) -> bytes:
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._last = self._loop.time()
            self._unpause()
        return data

    def _unpause(self) -> None:
        if self._handle is None or self._ended():
            return
        # An error here is one that came up while it was paused; it is reported like that of any failed transfer.
        with suppress(pycurl.error):
            self._handle.pause(pycurl.PAUSE_CONT)

    def _interrupt(self) -> None:
        """Have libcurl end the transfer. It does so when a callback refuses, or when its time to connect is over;
        pausing and going on makes it look, even when nothing arrives."""
        if self._handle is None or self._ended():
            return
        self._handle.setopt(pycurl.NOPROGRESS, 0)
        self._handle.setopt(pycurl.CONNECTTIMEOUT_MS, 1)
        with suppress(pycurl.error):
            self._handle.pause(pycurl.PAUSE_RECV)
        self._unpause()
        # until it has: in its first millisecond, or while a name is looked up, it goes on
        self._timer.cancel()
        self._timer = self._loop.call_later(_AGAIN, self._interrupt)

    def _watch(self) -> None:
        if self._ended():
            return
        quiet = 0.0 if self._may_be_quiet() else self._loop.time() - self._last
        if quiet < self._idle_timeout:
            self._timer = self._loop.call_later(self._idle_timeout - quiet, self._watch)
            return
        self._timed_out = True
        self._interrupt()

    def _may_be_quiet(self) -> bool:
        """Whether no byte is expected: it waits for us or for a free handle, or still connects."""
        return self._paused or self._handle is None or not self._handle.getinfo(pycurl.PRETRANSFER_TIME)

    # --- called by libcurl ---

    def _on_header(self, line: bytes) -> int | None:
        self._last = self._loop.time()
        if self._abandoned or not self._fields.add(line):
            return -1
        if self._fields.complete:
            self._news.set()
        return None

    def _on_body(self, chunk: bytes) -> int | None:
        if self._abandoned or self._timed_out:
            return -1
        if self._size and self._size + len(chunk) > BUFFER_SIZE:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE  # type: ignore[no-any-return]
        self._last = self._loop.time()
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._news.set()
        return None

    def _on_progress(self, *_: float) -> int:
        return int(self._abandoned or self._timed_out)

    # --- how it ended ---

    def _cause(self) -> BaseException | None:
        return asyncio.CancelledError() if not self._done.done() else self._done.exception()

    def _failure_before_head(self) -> Unavailable | BadUpstream:
        cause = self._cause()
        if self._closed:
            return Unavailable(f"{self._label} was not asked to the end: this server is stopping")
        if self._timed_out:
            return TimedOut(f"{self._label} accepted the request and then sent nothing for {self._idle_timeout:g} s")
        if self._fields.refused:
            return BadUpstream(f"{self._label} sent a head that cannot be used: {self._fields.refused}")
        if cause is None:
            return Unreachable(f"{self._label} closed the connection before its head was whole")
        if not isinstance(cause, CurlError):
            return BadUpstream(f"{self._label} cannot be asked: {cause}")
        reason = printable(str(cause.message))
        if cause.errno in UNTRUSTED:
            return Untrusted(f"{self._label} is not trusted: {reason}; if its authority is a private one, set ca_file")
        if cause.errno in _UNREACHABLE:
            return Unreachable(f"{self._label} cannot be reached: {reason}")
        return BadUpstream(f"{self._label} sent what is not HTTP: {reason}")

    def _raise_if_broken(self) -> None:
        if self._closed:
            raise Broken(f"{self._label} was not read to the end: this server is stopping")
        if self._timed_out:
            raise Broken(f"{self._label} sent no byte for {self._idle_timeout:g} s in the middle of a body")
        cause = self._cause()
        if isinstance(cause, CurlError):
            raise Broken(f"{self._label} did not send the whole body: {printable(str(cause.message))}") from cause
        if cause is not None:
            raise cause
