"""A repository of a server that takes Maven artifacts: what stands there, and sending more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO, TypeVar
from urllib.parse import SplitResult

from mxart.cli.copies.trees import AGAIN, Ended
from mxart.cli.login import Login
from mxart.cli.refusals import advice, sentence
from mxart.errors import MxartError
from mxart.formats.maven import checksums, names
from mxart.formats.maven.paths import quoted
from mxart.upstream.blocking import Connections, Question
from mxart.upstream.download import Answered, head
from mxart.upstream.patience import Patience, is_passing
from mxart.upstream.upload import Upload, Uploaded, upload

_A = TypeVar("_A")

_TAKEN = (200, 201, 204)
_DENIED = 403
_MOST_DENIED = 10  # before the first file is taken: then it is not about these files
_FULL = 507
_ETAG = re.compile(r'"([0-9a-f]{64})"', re.ASCII)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a path already, as far as the server says. ``digests``: hexadecimal, by algorithm."""

    size: int | None = None  # bytes
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def strongest(self) -> Sequence[str]:
        """The algorithms of its digests, the strongest first."""
        return [algorithm for algorithm in reversed(names.ALGORITHMS) if algorithm in self.digests]

    def is_same(self, size: int | None, digests: Mapping[str, str]) -> bool | None:
        """Whether it is what has these digests, by algorithm; None when that cannot be told."""
        if size is not None and self.size is not None and size != self.size:
            return False
        common = next((algorithm for algorithm in self.strongest if algorithm in digests), None)
        return None if common is None else self.digests[common] == digests[common]


class Refused(Exception):
    """The server does not take this file; the text is what it says."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class MavenServer:
    """One repository, for many threads."""

    def __init__(self, base: SplitResult, login: Login, connections: Connections, patience: Patience) -> None:
        self._host = base.netloc
        self._base = base.geturl()
        self._login = login
        self._connections = connections
        self._patience = patience
        self._lock = Lock()
        self._has_taken = False
        self._denied = 0

    def standing(self, path: str) -> Standing | None:
        """What stands at a path; None when nothing does, or the server does not say. Raises Ended."""
        question = Question(url=self._url(path), username=self._login.username, password=self._login.password)
        answer = self._asked(lambda: self._patience.ask(lambda: head(question, self._connections)))
        if answer.status == 401 or 300 <= answer.status < 400 or is_passing(answer.status):
            raise self._ended(answer.status, "")
        return _standing(answer) if answer.status == 200 else None

    def send(self, path: str, file: BinaryIO, size: int, tick: Callable[[int], object]) -> None:
        """True after: the server holds the file. ``tick`` as `upload`'s.

        Raises Refused when it is about this file, Ended when others would fare no better; OSError when the file cannot
        be read.
        """
        wanted = Upload(
            url=self._url(path),
            file=file,
            size=size,
            username=self._login.username,
            password=self._login.password,
        )
        answer = self._asked(lambda: self._patience.ask(lambda: upload(wanted, tick, self._connections)))
        self._judge(answer)

    def _judge(self, answer: Uploaded) -> None:
        status, said = answer.status, sentence(answer.text)
        if status in _TAKEN:
            self._has_taken = True
            return
        if status < 400 or status in (401, 404, 405, _FULL) or is_passing(status):
            raise self._ended(status, said)
        if status == _DENIED and self._is_denied_everything():
            raise self._ended(status, said)
        raise Refused(status, said)

    def _is_denied_everything(self) -> bool:
        with self._lock:
            self._denied += 1
            return not self._has_taken and self._denied >= _MOST_DENIED

    def _url(self, path: str) -> str:
        return f"{self._base}/{quoted(path)}"

    def _asked(self, question: Callable[[], _A]) -> _A:
        try:
            return question()
        except MxartError as error:
            raise Ended(f"{error.message}. {AGAIN}") from error

    def _ended(self, status: int, said: str) -> Ended:
        advised = advice(status, "Maven") or (AGAIN if status >= 500 or status in (408, 429) else "")
        return Ended(" ".join(part for part in (f"{self._host} answers {status}:", said, advised) if part).rstrip(": "))


def _standing(answer: Answered) -> Standing:
    length = answer.headers.get("content-length", "")
    etag = _ETAG.fullmatch(answer.headers.get("etag", ""))
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    said = checksums.by_algorithm(answer.headers)
    return Standing(size, {**({"sha256": etag[1]} if etag else {}), **said})
