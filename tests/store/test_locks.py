"""`FileLocks`: what all locks do, and that the kernel frees those of the dead."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mxart.errors import StoreFull
from mxart.store.locks import FileLocks
from tests.store.suite import LocksSuite
from tests.support.descriptors import open_descriptors

_HOLD = """
import sys, signal
from pathlib import Path
from mxart.store.locks import FileLocks
locks = FileLocks(Path(sys.argv[1]))
held = locks.try_lock("a"), *(locks.slots("up", 2).take() for _ in range(2))
assert all(held)
print("held", flush=True)
signal.pause()
"""


@pytest.fixture
def locks(tmp_path: Path) -> FileLocks:
    return FileLocks(tmp_path)


@pytest.fixture
def others(tmp_path: Path) -> FileLocks:
    return FileLocks(tmp_path)


class TestFileLocks(LocksSuite):
    @pytest.mark.gen_test
    async def test_between_processes_and_freed_by_a_kill(self, locks: FileLocks, tmp_path: Path) -> None:
        process = subprocess.Popen([sys.executable, "-c", _HOLD, tmp_path], stdout=subprocess.PIPE)  # noqa: ASYNC220
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            assert locks.try_lock("a") is None
            assert locks.slots("up", 2).take() is None
            waiting = asyncio.ensure_future(locks.lock("a"))
            process.kill()
            process.wait()
            (await waiting).release()
            slot = locks.slots("up", 2).take()
            assert slot is not None
            slot.release()

    def test_a_lock_is_one_descriptor_and_leaves_none(self, locks: FileLocks) -> None:
        before = open_descriptors()
        held = [locks.try_lock(f"{i}") for i in range(20)]
        assert [locks.try_lock("3") for _ in range(20)] == [None] * 20
        assert len(open_descriptors() - before) == 20
        for lock in held:
            assert lock is not None
            lock.release()
        assert open_descriptors() <= before

    def test_a_lock_that_is_forgotten_is_free(self, locks: FileLocks) -> None:
        locks.try_lock("a")
        held = locks.try_lock("a")
        assert held is not None
        held.release()

    def test_a_child_that_runs_a_program_holds_nothing(self, locks: FileLocks) -> None:
        held = locks.try_lock("a")
        assert held is not None
        with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
            held.release()
            again = locks.try_lock("a")
            child.kill()
        assert again is not None
        again.release()

    def test_a_full_disk_is_said(self, locks: FileLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "open", full)
        with pytest.raises(StoreFull):
            locks.try_lock("a")
