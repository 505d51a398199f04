"""What a server has, asked with HEAD and GET, from a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import pycurl

from mxart.upstream.blocking import Attempt, Connections, Question, ask
from mxart.upstream.fields import Fields

_MAX_WORDS = 64 << 10  # bytes that are read of an answer that is not what was asked for


@dataclass(frozen=True, slots=True)
class Answered:
    """The head of an answer. ``headers``: lower-case names, repeated fields joined by ", "."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


def head(wanted: Question, connections: Connections) -> Answered:
    """What the server says of it. Raises Unreachable, TimedOut, Untrusted, BadUpstream, Stopped."""
    return ask(lambda: _Looking(wanted, connections))


def get(wanted: Question, file: BinaryIO, max_size: int, connections: Connections) -> Answered:
    """What the server has is in ``file`` from its start, and nothing else, if the status is 200.

    Raises Unreachable, TimedOut, Untrusted, Stopped; BadUpstream when it has more than ``max_size`` bytes; OSError when
    the file cannot be written.
    """
    return ask(lambda: _Getting(wanted, file, max_size, connections))


class _Looking(Attempt[Answered]):
    def __init__(self, wanted: Question, connections: Connections) -> None:
        super().__init__(wanted, connections)
        self._fields = Fields()

    def options(self) -> Iterator[tuple[int, object]]:
        yield pycurl.HEADERFUNCTION, self._on_header
        yield pycurl.NOBODY, 1

    def answer(self, status: int) -> Answered:
        return Answered(status, self._fields.joined())

    def undo(self) -> None:
        return

    def _on_header(self, line: bytes) -> int | None:
        if self._fields.add(line):
            return None
        self.excess = f"answers with a head that cannot be used: {self._fields.refused}"
        return -1


class _Getting(_Looking):
    def __init__(self, wanted: Question, file: BinaryIO, max_size: int, connections: Connections) -> None:
        super().__init__(wanted, connections)
        self._file = file
        self._max_size = max_size
        self._size = 0
        self._file.seek(0)
        self._file.truncate()

    def options(self) -> Iterator[tuple[int, object]]:
        yield pycurl.HEADERFUNCTION, self._on_header
        yield pycurl.HTTPGET, 1
        yield pycurl.WRITEFUNCTION, self._on_body

    def _on_body(self, chunk: bytes) -> int | None:
        is_wanted = self._fields.status == 200  # libcurl itself cannot be asked by now
        most = self._max_size if is_wanted else _MAX_WORDS
        self._size += len(chunk)
        if self._size > most:
            self.excess = f"answers with more than the {most} bytes that make sense here"
            return 0
        try:
            if is_wanted:
                self._file.write(chunk)
            return None
        except (KeyboardInterrupt, OSError) as error:
            self.raised = error
            return 0
