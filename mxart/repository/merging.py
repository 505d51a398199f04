"""The indexes of a group: one document out of its members', kept for as long as theirs stay what they are.

A member that fails must not shrink it: then there is none. How documents are merged is the format's business.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from mxart.contract import Context, Format, Policy, Repository
from mxart.errors import BadUpstream, Corrupt, MxartError, Unavailable
from mxart.model import Blob, Bytes, Content, Resource
from mxart.repository.derived import Derived
from mxart.repository.members import Failed, Found, Refused, every, refused
from mxart.store import Store


class Merging:
    """The merged documents of one group, in one worker."""

    def __init__(self, group: str, format_: Format, store: Store, clock: Callable[[], float]) -> None:
        self._group = group
        self._format = format_
        self._derived = Derived(group, store, clock)

    async def get(self, members: Sequence[Repository], resource: Resource, policy: Policy, context: Context) -> Content:
        """The merge of what the members have, open; the document itself when only one has any.

        Raises NotFound, Gone, Denied when none has; BadUpstream when one fails, with its name; StoreFull.
        """
        try:
            answers = await every(members, resource, context)
        except Failed as failed:
            raise self._not_whole(failed, resource) from failed.error
        having = [answer for answer in answers if isinstance(answer, Found)]
        if not having:
            raise refused(self._group, resource, [answer for answer in answers if isinstance(answer, Refused)])
        if len(having) == 1:
            return having[0].content
        try:
            return await self._merged(having, resource, policy, context)
        finally:
            for found in having:
                found.content.close()

    async def _merged(self, having: Sequence[Found], resource: Resource, policy: Policy, context: Context) -> Content:
        documents = [(found.member.name, _whole(found, resource)) for found in having]
        stated = "\n".join(f"{name} {_digest(content)}" for name, content in documents)
        made_from = hashlib.sha256(stated.encode()).hexdigest()
        context.trail.note("merge", group=self._group, path=resource.path, documents=len(documents))

        def write(out: BinaryIO) -> None:
            with ExitStack() as stack:
                files = [stack.enter_context(_opened(content)) for _, content in documents]
                self._format.merge(resource, files, out)

        return await self._derived.get(resource, policy, made_from, write)

    def _not_whole(self, failed: Failed, resource: Resource) -> MxartError:
        """What the client is told, and when to come back. Not everything is a member's fault: a full disk is ours."""
        error = failed.error
        if not isinstance(error, (Unavailable, BadUpstream, Corrupt)):
            return error
        message = f"{resource.title} of {self._group} would not be whole without {failed.member.name}: {error.message}"
        match error:
            case BadUpstream():
                return BadUpstream(message, error.status, error.retry_after)
            case Unavailable():
                return BadUpstream(message, retry_after=error.retry_after)
        return BadUpstream(message)


def _whole(found: Found, resource: Resource) -> Blob | Bytes:
    content = found.content
    if not isinstance(content, (Blob, Bytes)):
        raise TypeError(f"{found.member.name} gave {resource.path} as {type(content).__name__}: an index must be whole")
    return content


def _digest(content: Blob | Bytes) -> str:
    return str(content.digest) if isinstance(content, Blob) else f"sha256:{hashlib.sha256(content.data).hexdigest()}"


def _opened(content: Blob | Bytes) -> BinaryIO:
    if isinstance(content, Bytes):
        return io.BytesIO(content.data)
    return cast(BinaryIO, io.BufferedReader(_Unshared(content)))


class _Unshared(io.RawIOBase):
    """A blob read at a position of its own: that of its file is shared with others. Does not close it."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._blob.file.fileno(), [buffer], self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._blob.size}[whence]
        if start + offset < 0:
            raise OSError("a position before the start of a file")
        self._position = start + offset
        return self._position
