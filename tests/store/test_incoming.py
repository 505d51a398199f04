"""A growing file: what was appended can be read at once, and is part of the digest."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxart.errors import StoreFull
from mxart.store.incoming import IncomingFile, follow
from mxart.store.layout import incoming_folder, make_folders
from tests.store.builders import digest_of
from tests.support.disk import file_limit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_folders(tmp_path)
    return tmp_path


@pytest.mark.gen_test
async def test_a_follower_sees_what_was_appended(data: Path) -> None:
    incoming = await IncomingFile.create(data, "d")
    assert incoming.name.startswith("d-")
    follower = follow(data, incoming.name)
    assert follower is not None
    with follower:
        for part in (b"first", b"", b"second" * 100_000):
            await incoming.append(part)
            assert os.fstat(follower.fileno()).st_size == incoming.size
    assert incoming.digest == digest_of(b"first" + b"second" * 100_000)
    incoming.close()
    assert incoming.path.exists()


@pytest.mark.gen_test
async def test_what_a_dead_writer_left_goes_on(data: Path) -> None:
    dead = await IncomingFile.create(data, "d")
    await dead.append(b"first")
    dead.close()
    dead.path.chmod(0o444)  # it died on the way to its adoption
    incoming = await IncomingFile.reopen(data, dead.name)
    assert incoming is not None
    assert incoming.size == 5
    await incoming.append(b"second")
    assert incoming.digest == digest_of(b"firstsecond")
    assert incoming.path.read_bytes() == b"firstsecond"
    incoming.discard()
    incoming.discard()
    assert await IncomingFile.reopen(data, dead.name) is None
    assert follow(data, dead.name) is None


@pytest.mark.gen_test
async def test_what_was_left_is_hashed_only_when_somebody_wants_to_know(data: Path) -> None:
    dead = await IncomingFile.create(data, "u", "-suffix")
    assert dead.name.endswith("-suffix")
    await dead.append(b"first ")
    dead.close()
    incoming = await IncomingFile.reopen(data, dead.name, hashed=False)
    assert incoming is not None
    await incoming.append(b"second ")
    with pytest.raises(AssertionError):
        _ = incoming.digest
    for _ in range(2):
        await incoming.catch_up()
        assert incoming.digest == digest_of(b"first second ")
    await incoming.append(b"third")
    assert incoming.digest == digest_of(b"first second third")
    assert incoming.digest_by("md5").hex == hashlib.md5(b"first second third").hexdigest()
    incoming.discard()


@pytest.mark.parametrize("change", ["none", "grown", "gone", "another"])
@pytest.mark.gen_test
async def test_whether_somebody_else_was_at_it(data: Path, change: str) -> None:
    incoming = await IncomingFile.create(data, "u")
    await incoming.append(b"data")
    if change == "grown":
        with incoming.path.open("ab") as file:
            file.write(b"more")
    if change in ("gone", "another"):
        incoming.path.unlink()
    if change == "another":
        incoming.path.write_bytes(b"data")
    assert incoming.is_as_left() is (change == "none")
    incoming.discard()


@pytest.mark.parametrize(
    "algorithm, hexadecimal",
    [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
@pytest.mark.gen_test
async def test_other_digests(data: Path, algorithm: str, hexadecimal: str) -> None:
    incoming = await IncomingFile.create(data, "d")
    await incoming.append(b"abc")
    assert incoming.digest_by(algorithm).hex == hexadecimal
    incoming.discard()


ALGORITHMS = ("md5", "sha1", "sha512")


def sums(data: bytes, *algorithms: str) -> dict[str, str]:
    return {algorithm: hashlib.new(algorithm, data).hexdigest() for algorithm in algorithms}


@pytest.mark.gen_test
async def test_further_checksums_are_computed_as_it_grows(data: Path) -> None:
    incoming = await IncomingFile.create(data, "d", algorithms=ALGORITHMS)
    whole = b""
    for part in (b"", b"first", b"second" * 100_000):
        await incoming.append(part)
        whole += part
        assert incoming.checksums(ALGORITHMS) == sums(whole, *ALGORITHMS)
    incoming.path.unlink()  # it is not read again
    assert incoming.checksums(["sha1"]) == sums(whole, "sha1")
    assert incoming.checksums([]) == {}
    incoming.discard()


@pytest.mark.gen_test
async def test_further_checksums_of_what_was_there_before(data: Path) -> None:
    dead = await IncomingFile.create(data, "d", algorithms=ALGORITHMS)
    await dead.append(b"first")
    dead.close()
    for hashed in (True, False):
        incoming = await IncomingFile.reopen(data, dead.name, hashed=hashed)
        assert incoming is not None
        await incoming.append(b"more")
        assert incoming.checksums(ALGORITHMS) == sums(incoming.path.read_bytes(), *ALGORITHMS)
        incoming.close()
    plain = await IncomingFile.create(data, "d", algorithms=["md5"])
    await plain.append(b"plain")
    assert plain.checksums(["md5", "sha256"]) == sums(b"plain", "md5", "sha256")
    plain.discard()


@pytest.mark.gen_test
async def test_what_a_full_disk_did_not_take_is_in_no_checksum(data: Path, small_files: int) -> None:
    incoming = await IncomingFile.create(data, "d", algorithms=ALGORITHMS)
    with pytest.raises(StoreFull):
        await incoming.append(b"x" * 200_000)
    assert incoming.checksums(ALGORITHMS) == sums(b"x" * small_files, *ALGORITHMS)
    incoming.discard()


@pytest.mark.gen_test
async def test_a_cancelled_append_is_over_before_the_file_is_closed(data: Path) -> None:
    incoming = await IncomingFile.create(data, "d")
    append = asyncio.ensure_future(incoming.append(b"x" * 50_000_000))
    await asyncio.sleep(0)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert incoming.path.stat().st_size == incoming.size == 50_000_000
    incoming.discard()


@pytest.fixture
def small_files() -> Iterator[int]:
    """No file of this process may grow beyond so many bytes: to who writes, it is a full disk."""
    size = 100_000
    with file_limit() as limit:
        limit(size)
        yield size


@pytest.mark.gen_test
async def test_a_full_disk_is_said_and_what_was_written_counts(data: Path, small_files: int) -> None:
    incoming = await IncomingFile.create(data, "d")
    with pytest.raises(StoreFull):
        await incoming.append(b"x" * 200_000)
    assert incoming.size == incoming.path.stat().st_size == small_files
    assert incoming.digest == digest_of(b"x" * small_files)
    incoming.discard()
    assert list(incoming_folder(data).iterdir()) == []
