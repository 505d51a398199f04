"""Which document a client was given last, so that the checksum that it asks for next is of that very one.

Clients fetch what may change, such as maven-metadata.xml, and then its checksum; when somebody deploys between the two,
a checksum of what stands by then would make them take the document for damaged. They ask for both on one connection, as
a rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mxart.formats.maven import wire
from mxart.formats.maven.paths import MavenResource
from mxart.model import Bytes, Content, Request

_PATIENCE = 10.0  # seconds; later it is another question
_REMEMBERED = 1024  # documents

_Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    checksums: Mapping[str, str]  # algorithm → hex
    since: float


class Given:
    """The documents that were given by one repository of a worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._documents: dict[_Key, _Given] = {}  # the longest ago first

    def note(self, request: Request, document: MavenResource, content: Content) -> None:
        """It is about to be given in answer to the request."""
        key, checksums = _key(request, document), wire.checksums(content)
        self._documents.pop(key, None)
        if not request.connection or not checksums:
            return
        self._documents[key] = _Given(checksums, self._clock())
        if len(self._documents) > _REMEMBERED:
            del self._documents[next(iter(self._documents))]

    def forget(self, request: Request) -> None:
        """What was given on the connection by which something is being changed is not asked about any more."""
        for key in [key for key in self._documents if key[0] == request.connection]:
            del self._documents[key]

    def told(self, request: Request, checksum: MavenResource) -> Bytes | None:
        """The checksum file of what was given a moment ago on the same connection; None when nothing was."""
        assert checksum.of is not None  # `paths.checksum`
        given = self._documents.get(_key(request, checksum.of))
        if given is None or given.since < self._clock() - _PATIENCE:
            return None
        value = given.checksums.get(checksum.algorithm)
        return None if value is None else Bytes(data=value.encode(), media_type=wire.TEXT)


def _key(request: Request, document: MavenResource) -> _Key:
    """A connection may be a reverse proxy's, which many share."""
    return request.connection, request.principal.name, document.path
