"""What an upstream says of content beside the content: checksums in the head of its answer, else in files of their own.

Those files are asked for while the content is still coming, and what they say is compared before it is entered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mxart.contract import Proof
from mxart.errors import BadUpstream, Corrupt, MxartError
from mxart.model import Digest, Resource
from mxart.offload import undisturbed
from mxart.upstream import Fetch, Upstream
from mxart.upstream.failures import QueueFull

log = logging.getLogger("mxart.repository")

_HIDDEN = (401, 403)


class Asked(Protocol):
    """Of a `transfer.Plan`, what is needed to ask further."""

    @property
    def repository(self) -> str: ...

    @property
    def resource(self) -> Resource: ...

    @property
    def upstream(self) -> Upstream: ...

    @property
    def asks(self) -> Callable[[Resource], Fetch]: ...


def promised(proof: Proof | None, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Algorithm → hex that the content will have, or it will not be given out to its end.

    ``headers``: of the upstream's answer, lower-case names.
    """
    if proof is None or not proof.must:
        return {}
    return {digest.algorithm: digest.hex for digest in proof.stated(headers)}


class Proofs:
    """What the upstream says of the content of one download. Close it."""

    def __init__(self, asked: Asked, proof: Proof, headers: Mapping[str, str]) -> None:
        """``headers``: of the answer, lower-case names. Where they say nothing, the files are asked for from now on."""
        self._asked = asked
        self._proof = proof
        self._stated: Sequence[Digest] = proof.stated(headers)
        self.promised = promised(proof, headers)
        self._asking: asyncio.Task[Sequence[Digest]] | None = None
        if not self._stated and proof.documents:
            name = f"proof of {asked.repository}/{asked.resource.path}"
            self._asking = asyncio.create_task(self._documents(), name=name)

    async def compare(self, found: Mapping[str, str]) -> None:
        """Return when the content, whose checksums are ``found``, is what the upstream says, or may be something else.
        Raises Corrupt; Unavailable and BadUpstream when that cannot be had and must be known."""
        try:
            for digest in await self._said():
                if found.get(digest.algorithm, digest.hex) != digest.hex:
                    raise Corrupt(f"its {digest.algorithm} is {found[digest.algorithm]}, and should be {digest.hex}")
        except MxartError as error:
            if self._proof.must:
                raise
            log.warning("%s/%s: %s", self._asked.repository, self._asked.resource.title, error.message)

    async def close(self) -> None:
        """True after: nothing is asked any more."""
        if self._asking is not None:
            self._asking.cancel()
            await undisturbed(asyncio.wait((self._asking,)))
            if not self._asking.cancelled():
                self._asking.exception()  # looked at: asyncio need not warn of it

    async def _said(self) -> Sequence[Digest]:
        if self._asking is None:
            return self._stated
        try:
            return await self._asking
        except QueueFull:  # for as long as content took up all connections, perhaps our own, which has come by now
            return await self._documents()

    async def _documents(self) -> Sequence[Digest]:
        """What the first file says that is there; nothing when none is."""
        for document in self._proof.documents:
            data = await self._read(document)
            if data is not None:
                digest = self._proof.read(document, data)
                if digest is None:
                    raise Corrupt(f"{document.title} of the upstream holds no checksum")
                return (digest,)
        return ()

    async def _read(self, document: Resource) -> bytes | None:
        """The file; None when the upstream has none."""
        try:
            async with self._asked.upstream.fetch(self._asked.asks(document)) as exchange:
                if exchange.head.status != 200:
                    return None
                return b"".join([chunk async for chunk in exchange])  # no more than Fetch.max_size
        except BadUpstream as error:
            if error.status in _HIDDEN:  # so say stores, too, of what they do not have, to those who may not list it
                return None
            raise BadUpstream(f"{document.title}: {error.message}", error.status, error.retry_after) from error
