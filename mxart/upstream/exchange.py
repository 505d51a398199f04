"""An answer under way, read from its transfer: codings undone, its size and its end checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from mxart.errors import BadUpstream
from mxart.upstream import Broken, Head
from mxart.upstream.decoding import Decoder
from mxart.upstream.failures import named, printable
from mxart.upstream.heads import coding_of
from mxart.upstream.transfer import RawHead, Transfer

_REASON_SIZE = 64 * 1024  # bytes of the body of a 404 or 410 that are passed on
_WORDS_SIZE = 1024  # bytes of the body of any other refusal …
_WORDS_TIME = 1.0  # … and seconds to wait for them


class DirectExchange:
    """An answer of which the body is read from its transfer. ``limit``: bytes of the whole representation."""

    def __init__(self, head: Head, transfer: Transfer, label: str, limit: int) -> None:
        self.head = head
        self._transfer = transfer
        self._label = label
        self._limit = limit
        coding = coding_of(head.headers) if head.status == 200 else ""
        with named(label):
            self._decoder = Decoder(coding) if coding else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._reason() if self.head.status in (404, 410) else self._checked()
        async for piece in pieces:
            yield piece

    async def _checked(self) -> AsyncIterator[bytes]:
        received = self.head.start
        async for piece in self._decoded():
            received += len(piece)
            if received > self._limit:
                raise BadUpstream(f"{self._label} sent more than the {self._limit} bytes that make sense here")
            yield piece
        if self.head.length is not None and received != self.head.length:
            raise Broken(f"{self._label} announced {self.head.length} bytes and sent {received}")

    async def _decoded(self) -> AsyncIterator[bytes]:
        decoder = self._decoder
        while chunk := await self._transfer.read():
            if decoder is None:
                yield chunk
                continue
            with named(self._label):
                for piece in decoder.feed(chunk):
                    yield piece
        if decoder is not None:
            with named(self._label):
                decoder.finish()

    async def _reason(self) -> AsyncIterator[bytes]:
        """What an upstream says about an absence, as far as that can be had: the status is the answer."""
        size = 0
        with suppress(Broken):
            while size < _REASON_SIZE and not coding_of(self.head.headers):
                chunk = (await self._transfer.read())[: _REASON_SIZE - size]
                if not chunk:
                    return
                size += len(chunk)
                yield chunk


class HeadExchange:
    """The answer to HEAD: there is nothing to read."""

    def __init__(self, head: Head) -> None:
        self.head = head

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""


async def words_of(transfer: Transfer, raw: RawHead) -> str:
    """The first line of what a refusal says in plain text, as far as it comes at once; "" for all other answers."""
    plain = raw.headers.get("content-type", "").startswith("text/plain") and not coding_of(raw.headers)
    if raw.status < 400 or raw.status in (404, 410, 416) or not plain:
        return ""
    text = b""
    with suppress(Broken, TimeoutError):
        async with asyncio.timeout(_WORDS_TIME):
            while b"\n" not in text and len(text) < _WORDS_SIZE and (chunk := await transfer.read()):
                text += chunk[:_WORDS_SIZE]
    return printable(text.decode("utf-8", "replace").strip().partition("\n")[0]).strip()
