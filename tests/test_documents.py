"""Documents are read whole or not at all, and closed in whatever way that ends."""

from __future__ import annotations

import asyncio
import os
from io import FileIO

import pytest

from mxart import documents
from mxart.documents import whole
from mxart.errors import Corrupt
from mxart.model import Blob, Bytes, Content, Digest, Outline, Redirect

DIGEST = Digest("sha256", "ab" * 32)


def blob(data: bytes, size: int | None = None) -> Blob:
    """A blob of these bytes; ``size``: what it says to have."""
    file = FileIO(os.memfd_create("document"), "r+")
    file.write(data)
    return Blob(file=file, size=len(data) if size is None else size, digest=DIGEST)


class Elsewhere(Redirect):
    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("data", [b"", b"{}", bytes(range(256)) * 4096], ids=len)
@pytest.mark.gen_test
async def test_all_of_a_blob(data: bytes) -> None:
    content = blob(data)
    assert await whole(content, 1 << 20) == data
    assert content.file.closed


@pytest.mark.gen_test
async def test_the_position_of_its_file_is_left_alone() -> None:
    content = blob(b"document")
    other = os.dup(content.file.fileno())
    try:
        os.lseek(other, 3, os.SEEK_SET)
        assert await whole(content, 8) == b"document"
        assert os.lseek(other, 0, os.SEEK_CUR) == 3
    finally:
        os.close(other)


@pytest.mark.gen_test
async def test_bytes_are_as_they_are() -> None:
    assert await whole(Bytes(data=b"document"), 8) == b"document"


@pytest.mark.gen_test
async def test_more_than_the_limit_is_not_read() -> None:
    content = blob(b"", size=9)
    with pytest.raises(Corrupt, match="9 bytes, more than the 8"):
        await whole(content, 8)
    assert content.file.closed


@pytest.mark.parametrize("content", [Elsewhere(url="https://blobs.example.org/1"), Outline(size=1)], ids=repr)
@pytest.mark.gen_test
async def test_what_is_no_document_is_a_mistake_of_ours(content: Content) -> None:
    with pytest.raises(TypeError, match=type(content).__name__):
        await whole(content, 8)
    assert getattr(content, "closed", True)


@pytest.mark.gen_test
async def test_the_file_is_open_until_the_thread_has_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled reader must not close a descriptor that a thread is about to read: it may be another file by then."""
    content, begun, go_on = blob(b"document"), asyncio.Event(), asyncio.Event()
    seen = []

    async def slowly(*args: object) -> bytes:
        begun.set()
        await go_on.wait()
        seen.append(content.file.closed)
        return b""

    monkeypatch.setattr(documents, "offload", slowly)
    task = asyncio.ensure_future(whole(content, 8))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [False]
    assert content.file.closed
