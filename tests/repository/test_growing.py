"""What readers of a download get, and when: never the end before it is verified, never other bytes than they began."""

from __future__ import annotations

import asyncio
import os
from io import FileIO
from pathlib import Path

import pytest

from mxart.errors import BadUpstream, Unavailable
from mxart.repository.growing import HELD_BACK, Progress, Reader
from tests.store.builders import entry_of
from tests.support.descriptors import open_descriptors

DATA = os.urandom(4 * HELD_BACK)


def file_with(path: Path, data: bytes) -> FileIO:
    path.write_bytes(data)
    return FileIO(path, "r+")


@pytest.fixture
def progress() -> Progress:
    return Progress()


def begin(progress: Progress, tmp_path: Path, data: bytes, length: int | None, name: str = "one") -> None:
    progress.begin(file_with(tmp_path / name, data), length, "date")
    progress.advance(len(data))


def finish(progress: Progress, tmp_path: Path, data: bytes, name: str = "blob") -> None:
    progress.finish(entry_of("a", data), file_with(tmp_path / name, data))


async def take(reader: Reader, offset: int) -> bytes:
    extent = await reader.extent(offset)
    return os.pread(extent.file.fileno(), extent.end - offset, offset)


async def rest(reader: Reader, offset: int) -> bytes:
    body = b""
    while piece := await take(reader, offset + len(body)):
        body += piece
    return body


def is_waiting(task: asyncio.Future[bytes]) -> bool:
    return not task.done()


@pytest.mark.parametrize(
    ("size", "length", "sendable"),
    [
        (0, None, 0),
        (1, None, 1),
        (HELD_BACK, None, HELD_BACK),
        (0, 0, 0),
        (10, 10, 0),
        (HELD_BACK, HELD_BACK, 0),
        (HELD_BACK + 1, HELD_BACK + 1, 1),
        (HELD_BACK, 4 * HELD_BACK, HELD_BACK),
        (4 * HELD_BACK, 4 * HELD_BACK, 3 * HELD_BACK),
    ],
)
def test_how_much_is_given_out_before_the_end(
    progress: Progress, tmp_path: Path, size: int, length: int | None, sendable: int
) -> None:
    begin(progress, tmp_path, DATA[:size], length)
    assert progress.sendable == sendable
    assert not progress.complete
    finish(progress, tmp_path, DATA[:size])
    assert progress.sendable == size
    assert progress.complete


@pytest.mark.parametrize("length", [len(DATA), None])
@pytest.mark.gen_test
async def test_a_reader_follows_to_the_end(progress: Progress, tmp_path: Path, length: int | None) -> None:
    begin(progress, tmp_path, DATA[:1000], length)
    reader = Reader(progress, "application/zip", "")
    assert (reader.length, reader.media_type, reader.last_modified) == (length, "application/zip", "date")
    body = await take(reader, 0)
    assert body == DATA[:1000]
    waiting = asyncio.ensure_future(take(reader, 1000))
    await asyncio.sleep(0)
    assert is_waiting(waiting)
    (tmp_path / "one").write_bytes(DATA)
    progress.advance(len(DATA))
    body += await waiting
    assert body == DATA[: len(DATA) - HELD_BACK if length else len(DATA)]
    waiting = asyncio.ensure_future(take(reader, len(body)))
    await asyncio.sleep(0)
    assert is_waiting(waiting)
    finish(progress, tmp_path, DATA)
    body += await waiting
    assert body == DATA
    assert await take(reader, len(DATA)) == b""
    reader.close()


@pytest.mark.gen_test
async def test_a_range_reader_needs_only_its_bytes(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    reader = Reader(progress, "", "")
    assert await take(reader, HELD_BACK) == DATA[HELD_BACK : 2 * HELD_BACK]
    finish(progress, tmp_path, DATA)
    assert await rest(reader, 2 * HELD_BACK) == DATA[2 * HELD_BACK :]
    reader.close()


@pytest.mark.gen_test
async def test_nothing_is_a_whole_that_is_empty(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, b"", None)
    reader = Reader(progress, "", "")
    waiting = asyncio.ensure_future(take(reader, 0))
    await asyncio.sleep(0)
    assert is_waiting(waiting)
    finish(progress, tmp_path, b"")
    assert await waiting == b""
    reader.close()


@pytest.mark.gen_test
async def test_another_attempt_with_the_same_bytes_goes_on(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    reader = Reader(progress, "", "")
    body = await take(reader, 0)
    progress.begin(file_with(tmp_path / "two", b""), len(DATA), "")
    waiting = asyncio.ensure_future(take(reader, len(body)))
    for size in (HELD_BACK, 2 * HELD_BACK, 3 * HELD_BACK):
        await asyncio.sleep(0)
        assert is_waiting(waiting)  # the new one has not come as far as what was sent
        (tmp_path / "two").write_bytes(DATA[:size])
        progress.advance(size)
    body += await waiting
    finish(progress, tmp_path, DATA)
    assert body + await rest(reader, len(body)) == DATA
    reader.close()


OTHER = b"x" + DATA[1:]


@pytest.mark.parametrize(
    ("first", "length", "second", "second_length", "start"),
    [
        (DATA, len(DATA), OTHER, len(DATA), 0),  # other bytes
        (DATA, len(DATA), DATA + b"more", len(DATA) + 4, 0),  # another length
        (DATA, len(DATA), DATA[:-1], len(DATA) - 1, 0),
        (DATA, None, OTHER, None, 0),
        (DATA, None, OTHER, len(DATA), 0),
        (DATA, len(DATA), DATA[:5] + b"x" + DATA[6:], len(DATA), 5),
    ],
)
@pytest.mark.gen_test
async def test_another_attempt_that_differs_cuts_who_has_read(
    progress: Progress, tmp_path: Path, first: bytes, length: int, second: bytes, second_length: int, start: int
) -> None:
    begin(progress, tmp_path, first, length)
    reader = Reader(progress, "", "")
    offset = start + len(await take(reader, start))
    begin(progress, tmp_path, second, second_length, "two")
    finish(progress, tmp_path, second)
    with pytest.raises(BadUpstream, match="changed"):
        await take(reader, offset)
    reader.close()


@pytest.mark.gen_test
async def test_who_has_read_other_parts_only_goes_on(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    reader = Reader(progress, "", "")
    offset = 5 + len(await take(reader, 5))
    finish(progress, tmp_path, OTHER)  # differs in byte 0
    assert await rest(reader, offset) == DATA[offset:]
    reader.close()


@pytest.mark.gen_test
async def test_who_has_read_nothing_takes_what_there_is_now(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    reader = Reader(progress, "", "")
    finish(progress, tmp_path, b"another")
    assert await take(reader, 0) == b"another"
    assert reader.length == 7
    reader.close()


@pytest.mark.gen_test
async def test_an_attempt_of_unknown_length_gives_no_reader_its_promised_end_too_early(
    progress: Progress, tmp_path: Path
) -> None:
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    reader = Reader(progress, "", "")
    body = await take(reader, 0)
    begin(progress, tmp_path, DATA, None, "two")  # all there, and not verified
    body += await take(reader, len(body))
    assert len(body) == len(DATA) - HELD_BACK
    waiting = asyncio.ensure_future(take(reader, len(body)))
    await asyncio.sleep(0.01)
    assert is_waiting(waiting)
    progress.fail(BadUpstream("it was wrong"))
    with pytest.raises(BadUpstream, match="it was wrong"):
        await waiting
    reader.close()


@pytest.mark.gen_test
async def test_a_failure_reaches_everyone(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[:10], len(DATA))
    readers = [Reader(progress, "", "") for _ in range(5)]
    waiting = [asyncio.ensure_future(take(reader, 0)) for reader in readers]
    ends = [asyncio.ensure_future(take(reader, 10)) for reader in readers]
    await asyncio.sleep(0)
    progress.fail(Unavailable("down"))
    for outcome in await asyncio.gather(*ends, progress.end(), return_exceptions=True):
        assert isinstance(outcome, Unavailable)
    assert await asyncio.gather(*waiting) == [DATA[:10]] * 5
    for reader in readers:
        reader.close()


@pytest.mark.gen_test
async def test_content_that_was_taken_back_is_no_end(progress: Progress, tmp_path: Path) -> None:
    begin(progress, tmp_path, DATA[:10], None)
    reader = Reader(progress, "", "")
    await take(reader, 0)
    progress.finish(entry_of("a", None), None)
    with pytest.raises(BadUpstream, match="took the content back"):
        await take(reader, 10)
    reader.close()


@pytest.mark.gen_test
async def test_waiters_that_leave_are_forgotten(progress: Progress) -> None:
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await progress.changed()
    assert not progress._waiters


@pytest.mark.gen_test
async def test_no_descriptor_is_left(progress: Progress, tmp_path: Path) -> None:
    before = open_descriptors()
    begin(progress, tmp_path, DATA[: 2 * HELD_BACK], len(DATA))
    readers = [Reader(progress, "", "") for _ in range(5)]
    for reader in readers[1:]:
        await take(reader, 0)
    finish(progress, tmp_path, DATA)
    for reader in readers[2:]:
        await rest(reader, HELD_BACK)
    progress.detach()
    for reader in readers:
        reader.close()
        reader.close()
    assert open_descriptors() <= before
