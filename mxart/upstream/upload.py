"""One file sent to a server with PUT, from a command line.

The server is asked first whether it wants the file at all (RFC 9110 §10.1.1, Expect), so that a refusal comes before
hundreds of megabytes have gone out.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

import pycurl

from mxart.upstream.blocking import Attempt, Connections, Question, ask

MAX_ANSWER = 64 << 10  # bytes of an answer that are kept; it is a sentence or two
_CONSENT_TIME = 5000  # milliseconds; a server that has not said "go on" by then may not know how to


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Question):
    """What to send where. A server checks what came before it answers: it may be quiet for long."""

    file: BinaryIO  # sent from its start; can be sought in
    size: int  # bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The answer: its status, and what it says, cut at `MAX_ANSWER` bytes."""

    status: int
    text: str


def upload(wanted: Upload, tick: Callable[[int], object], connections: Connections | None = None) -> Uploaded:
    """The server's answer. ``tick`` is told how many bytes went out since it was told last; negative when the file is
    begun again. Without ``connections`` it has one of its own.

    Raises Unreachable, TimedOut, Untrusted, BadUpstream, Stopped; OSError when the file cannot be read to its end.
    """
    if connections is None:
        with closing(Connections()) as own:
            return upload(wanted, tick, own)
    return ask(lambda: _Sending(wanted, tick, connections))


class _Sending(Attempt[Uploaded]):
    def __init__(self, wanted: Upload, tick: Callable[[int], object], connections: Connections) -> None:
        super().__init__(wanted, connections)
        self.excess = f"answers with more than {MAX_ANSWER} bytes: that is no mxart server"
        self._file = wanted.file
        self._size = wanted.size
        self._media_type = wanted.media_type
        self._tick = tick
        self._answer = io.BytesIO()
        self._sent = 0
        self._rewind(0)

    def options(self) -> Iterator[tuple[int, object]]:
        yield pycurl.UPLOAD, 1
        yield pycurl.INFILESIZE_LARGE, self._size
        yield pycurl.HTTPHEADER, ["Expect: 100-continue", f"Content-Type: {self._media_type}"]
        yield pycurl.EXPECT_100_TIMEOUT_MS, _CONSENT_TIME
        yield pycurl.READFUNCTION, self._on_read
        yield pycurl.SEEKFUNCTION, self._on_seek
        yield pycurl.WRITEFUNCTION, self._on_answer

    def answer(self, status: int) -> Uploaded:
        return Uploaded(status, self._answer.getvalue()[:MAX_ANSWER].decode(errors="replace"))

    def undo(self) -> None:
        self._tick(-self._sent)

    def _rewind(self, offset: int) -> None:
        self._file.seek(offset)
        self._tick(offset - self._sent)
        self._sent = offset

    # --- called by libcurl ---

    def _on_read(self, size: int) -> bytes | int:
        try:
            chunk = self._file.read(size)
            if not chunk and self._sent < self._size:
                raise OSError(errno.EIO, "It became shorter while it was read")
            self._sent += len(chunk)
            self._tick(len(chunk))
            return chunk
        except (KeyboardInterrupt, OSError) as error:
            self.raised = error
            return pycurl.READFUNC_ABORT  # type: ignore[no-any-return]

    def _on_seek(self, offset: int, origin: int) -> int:
        if origin != os.SEEK_SET:
            return pycurl.SEEKFUNC_CANTSEEK  # type: ignore[no-any-return]
        self._rewind(offset)
        return pycurl.SEEKFUNC_OK  # type: ignore[no-any-return]

    def _on_answer(self, chunk: bytes) -> int | None:
        self._answer.write(chunk)
        return None if self._answer.tell() <= MAX_ANSWER else 0
