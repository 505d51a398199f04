"""`Response` to bytes: conditional requests, ranges, HEAD, and content that is still growing.

========================================  ======================================================================
a growing download of known length        Content-Length, sent as it arrives; a range as soon as its bytes have
of unknown length, HTTP/1.1               chunked; the last chunk only after the content says that it was all
of unknown length, HTTP/1.0               sent when it is whole and checked: a body that the closing of the
                                          connection ends could not be told from one that was cut off
that fails before the head is sent        raised, for the handler to word the answer
that fails later                          `Cut`: the connection must be closed; whoever counts sees it incomplete
========================================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO

from tornado.iostream import StreamClosedError

from mxart.errors import BadUpstream, MxartError
from mxart.httpfields import conditional, ranges
from mxart.httpfields.conditional import Verdict
from mxart.httpfields.ranges import Span, Unsatisfiable
from mxart.model import Blob, Bytes, Extent, Growing, Outline, Redirect, Response
from mxart.server import heads
from mxart.server.wire import SMALL, Wire, read_small


class Cut(Exception):
    """The content failed after the head was sent; close the connection, so that nobody takes it for whole."""


@dataclass(slots=True)
class Asked:
    """What of a request matters for the way back."""

    method: str
    version: str  # "HTTP/1.1"
    headers: Mapping[str, str]  # lower-case names
    connection: str = ""  # the Connection field of the answer: "close", "keep-alive" or ""


@dataclass(slots=True)
class _Plan:
    """An answer decided: status, fields, and the part of the content to send (None: no body)."""

    status: int
    fields: dict[str, str]
    span: Span | None = None
    reason: str = ""


async def deliver(wire: Wire, asked: Asked, response: Response) -> int:
    """The status that was sent, with the whole answer; its content is closed, whatever happens.

    Raises MxartError and ValueError only while nothing has been sent; after that Cut, and StreamClosedError when the
    client is gone.
    """
    content = response.content
    try:
        match content:
            case None:
                return await _send_head(wire, asked, _empty(response.status, response.headers))
            case Redirect():
                status = response.status if 300 <= response.status < 400 else 307
                return await _send_head(wire, asked, _empty(status, {"Location": content.url, **response.headers}))
            case Outline():
                return await _send_head(wire, asked, _plan(asked, response, content, content.size))
            case Bytes():
                return await _deliver_bytes(wire, asked, response, content)
            case Blob():
                return await _deliver_blob(wire, asked, response, content)
            case _:
                return await _deliver_growing(wire, asked, response, content)
    finally:
        if content is not None:
            content.close()


# --- what to send ----------------------------------------------------------------------------------------------


def _plan(asked: Asked, response: Response, content: Blob | Bytes | Growing | Outline, size: int | None) -> _Plan:
    """The answer for a representation of ``size`` bytes; None: not known yet, so ranges are ignored."""
    fields = _fields(response, content)
    if response.status != 200 or asked.method not in ("GET", "HEAD"):
        whole = _whole(response.status, fields, size)
        whole.reason = response.reason
        return whole
    etag, last_modified = fields.get("ETag", ""), fields.get("Last-Modified", "")
    verdict = conditional.evaluate(asked.headers, etag, last_modified)
    if verdict is Verdict.NOT_MODIFIED:
        fields.pop("Content-Type", None)
        return _Plan(304, fields)
    if verdict is Verdict.FAILED:
        return _refusal(412, fields)
    if size is None:
        return _whole(200, fields, None)
    fields.setdefault("Accept-Ranges", "bytes")
    wanted = asked.headers.get("range", "") if asked.method == "GET" else ""
    if not wanted or not ranges.if_range_holds(asked.headers.get("if-range", ""), etag, last_modified):
        return _whole(200, fields, size)
    return _part(fields, ranges.select(wanted, size), size)


def _fields(response: Response, content: Blob | Bytes | Growing | Outline) -> dict[str, str]:
    """What the content says of itself, and over it what the response says, each name spelt one way."""
    fields = {"Content-Type": content.media_type}
    if content.etag:
        fields["ETag"] = content.etag
    if content.last_modified:
        fields["Last-Modified"] = content.last_modified
    for name, value in response.headers.items():
        fields[_SPELLING.get(name.lower(), name)] = value
    return fields


_SPELLING = {"content-type": "Content-Type", "etag": "ETag", "last-modified": "Last-Modified"} | {
    "accept-ranges": "Accept-Ranges",
    "content-length": "Content-Length",
}


def _whole(status: int, fields: dict[str, str], size: int | None) -> _Plan:
    if size is not None:
        fields["Content-Length"] = str(size)
    return _Plan(status, fields, Span(0, size or 0))


def _part(fields: dict[str, str], selected: Span | Unsatisfiable | None, size: int) -> _Plan:
    if selected is None:
        return _whole(200, fields, size)
    if isinstance(selected, Unsatisfiable):
        plan = _refusal(416, fields)
        plan.fields["Content-Range"] = ranges.unsatisfied_range(size)
        return plan
    fields["Content-Range"] = ranges.content_range(selected, size)
    fields["Content-Length"] = str(selected.stop - selected.start)
    return _Plan(206, fields, selected)


def _refusal(status: int, fields: Mapping[str, str]) -> _Plan:
    """No content, and nothing that a cache would keep the refusal by."""
    kept = {name: value for name, value in fields.items() if name.lower() == "cache-status"}
    return _empty(status, kept)


def _empty(status: int, fields: Mapping[str, str]) -> _Plan:
    if status in (204, 304) or status < 200:
        return _Plan(status, dict(fields))
    return _Plan(status, {**fields, "Content-Length": "0"})


# --- sending it ------------------------------------------------------------------------------------------------


async def _send_head(wire: Wire, asked: Asked, plan: _Plan, body: bytes = b"") -> int:
    await wire.write(heads.head(plan.status, plan.fields, asked.connection, plan.reason) + body)
    return plan.status


async def _deliver_bytes(wire: Wire, asked: Asked, response: Response, content: Bytes) -> int:
    plan = _plan(asked, response, content, len(content.data))
    if plan.span is None or asked.method == "HEAD":
        return await _send_head(wire, asked, plan)
    return await _send_head(wire, asked, plan, content.data[plan.span.start : plan.span.stop])


async def _deliver_blob(wire: Wire, asked: Asked, response: Response, content: Blob) -> int:
    plan = _plan(asked, response, content, content.size)
    span = plan.span
    if span is None or span.start == span.stop or asked.method == "HEAD":
        return await _send_head(wire, asked, plan)
    if span.stop - span.start <= SMALL:
        return await _send_head(wire, asked, plan, await read_small(content.file, span.start, span.stop - span.start))
    await _send_head(wire, asked, plan)
    await _send_file(wire, content.file, span.start, span.stop)
    return plan.status


async def _deliver_growing(wire: Wire, asked: Asked, response: Response, content: Growing) -> int:
    plan, extent = await _begin(asked, response, content)
    if plan.span is None or extent is None or asked.method == "HEAD":
        return await _send_head(wire, asked, plan)
    if content.length is None:
        return await _deliver_unmeasured(wire, asked, plan, content, extent)
    await _send_head(wire, asked, plan)
    await _follow(wire, content, extent, plan.span)
    return plan.status


async def _begin(asked: Asked, response: Response, content: Growing) -> tuple[_Plan, Extent | None]:
    """The answer, decided by what is known once its first byte may be sent, and what may be sent then.

    Length and validators may come, or change, with that byte. Raises BadUpstream when they change what was waited for.
    """
    plan, extent = _plan(asked, response, content, content.length), None
    while plan.span is not None:
        start = plan.span.start
        extent = await content.extent(start)
        plan = _plan(asked, response, content, content.length)
        if plan.span is None or plan.span.start == start:
            break
        if plan.span.start < start:  # offsets may only grow
            raise BadUpstream("the upstream's content changed while it was being waited for: try again")
    return plan, extent


async def _follow(wire: Wire, content: Growing, extent: Extent, span: Span) -> None:
    """Send ``span`` as it arrives; ``extent`` is what may be sent now."""
    offset = span.start
    while offset < span.stop:
        if extent.end <= offset:
            extent = await _further(content, offset)
            if extent.end <= offset:
                raise Cut(f"the download ended at byte {offset} of {span.stop}")
        stop = min(extent.end, span.stop)
        await _send_file(wire, extent.file, offset, stop)
        offset = stop


async def _deliver_unmeasured(wire: Wire, asked: Asked, plan: _Plan, content: Growing, extent: Extent) -> int:
    if asked.version == "HTTP/1.0":
        return await _deliver_late(wire, asked, plan, content, extent)
    plan.fields["Transfer-Encoding"] = "chunked"
    await _send_head(wire, asked, plan)
    offset = 0
    while extent.end > offset:
        await wire.write(b"%x\r\n" % (extent.end - offset))
        await _send_file(wire, extent.file, offset, extent.end)
        await wire.write(b"\r\n")
        offset = extent.end
        extent = await _further(content, offset)
    await wire.write(b"0\r\n\r\n")
    return plan.status


async def _deliver_late(wire: Wire, asked: Asked, plan: _Plan, content: Growing, extent: Extent) -> int:
    size = 0
    while extent.end > size:
        size = extent.end
        extent = await content.extent(size)
    plan.fields["Content-Length"] = str(size)
    await _send_head(wire, asked, plan)
    await _send_file(wire, extent.file, 0, size)
    return plan.status


async def _further(content: Growing, offset: int) -> Extent:
    try:
        return await content.extent(offset)
    except MxartError as error:
        raise Cut(f"the content failed after {offset} bytes: {error.message}") from error


async def _send_file(wire: Wire, file: FileIO, start: int, stop: int) -> None:
    try:
        await wire.send_file(file, start, stop)
    except StreamClosedError:
        raise
    except OSError as error:
        raise Cut(f"the content cannot be read: {error}") from error
