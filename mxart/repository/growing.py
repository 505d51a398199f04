"""What the readers of a download see: `Progress`, kept by whoever leads or follows it, and `Reader`, one for each.

The last bytes are held back until the content is verified and entered, so nobody can take for whole what is not. A
download that has to start anew has another file; a reader goes on in it only if what it has sent already is the same.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from io import FileIO

from mxart.errors import BadUpstream, MxartError
from mxart.model import Entry, Extent
from mxart.offload import offload

HELD_BACK = 64 * 1024  # bytes at the end of a known length; what is no longer is given out only when it is verified
_COMPARE = 1 << 20  # bytes at a time


class Progress:
    """How far a download has come, in this process: its file, what of it may be sent, and how it ended."""

    def __init__(self) -> None:
        self.file: FileIO | None = None  # of the current attempt
        self.length: int | None = None
        self.last_modified = ""
        self.checksums: Mapping[str, str] = {}  # as `model.Growing` has them
        self.status = 0  # of the upstream's answer, 0 before it
        self.entry: Entry | None = None  # how it ended well
        self.error: MxartError | None = None  # how it ended badly
        self._size = 0
        self._complete = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._users = 1  # whoever leads or follows, and each reader

    @property
    def ended(self) -> bool:
        return self.entry is not None or self.error is not None

    @property
    def sendable(self) -> int:
        """The offset up to which bytes may be given out."""
        if self._complete or self.length is None:
            return self._size
        return max(0, min(self._size, self.length - HELD_BACK))

    @property
    def complete(self) -> bool:
        """All is there, verified, and entered."""
        return self._complete

    @property
    def has_readers(self) -> bool:
        """Does anyone read it while it comes? Whoever asks after the end gets the blob itself."""
        return self._users > 1

    def begin(self, file: FileIO, length: int | None, last_modified: str) -> None:
        """A new attempt: ``file`` (becomes ours) is what there is to read from now on."""
        self._close_file()
        self.file, self.length, self.last_modified = file, length, last_modified
        self._size = 0

    def advance(self, size: int) -> bool:
        """``size`` bytes are in the file; was that news? Without a file there is nothing that readers could see before
        the end."""
        if self.file is None or size == self._size:
            return False
        self._size = size
        self._notify()
        return True

    def finish(self, entry: Entry, file: FileIO | None) -> None:
        """It is entered as ``entry``; ``file`` (becomes ours) is the blob, for readers who are not through."""
        if file is not None:
            self.begin(file, entry.size, self.last_modified)
            self._size, self._complete = entry.size, True
        self.entry = entry
        self._notify()

    def fail(self, error: MxartError) -> None:
        self.error = error
        self._notify()

    async def changed(self) -> None:
        """Wait for the next change."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def started(self) -> None:
        """Wait until bytes may be given out, or it has ended."""
        while not self.sendable and not self.ended:
            await self.changed()

    async def end(self) -> Entry:
        """Wait for the end. Returns the entry it led to, or raises why there is none."""
        while self.entry is None:
            self.raise_if_failed()
            await self.changed()
        return self.entry

    def raise_if_failed(self) -> None:
        """Return when it has not failed. Raises why it has."""
        if self.error is not None:
            raise self.error.with_traceback(None)  # many are told; it must not gather all their frames

    def attach(self) -> None:
        """One more needs the file."""
        self._users += 1

    def detach(self) -> None:
        """One less; the last one closes it."""
        self._users -= 1
        if self._users == 0:
            self._close_file()

    def _close_file(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def _notify(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class Reader:
    """One reader of a download (`model.Growing`)."""

    def __init__(self, progress: Progress, media_type: str, etag: str) -> None:
        self.length = progress.length
        self.media_type = media_type
        self.last_modified = progress.last_modified
        self.checksums = progress.checksums
        self.etag = etag
        self._progress = progress
        progress.attach()
        self._seen: FileIO | None = None  # the progress's file of which we have a descriptor of our own
        self._file: FileIO | None = None
        self._closed = False
        self._start = -1  # the first offset asked for: what came before was never sent

    async def extent(self, offset: int) -> Extent:
        if self._start < 0:
            self._start = offset
        progress = self._progress
        while True:
            progress.raise_if_failed()
            if progress.ended and not progress.complete:
                raise BadUpstream("the upstream took the content back while it was being sent: try again")
            if self._sendable > offset or progress.complete:
                self._check_promise()
                file = await self._current(offset)
                if self._seen is progress.file:  # else yet another attempt began while we compared
                    return Extent(file, max(self._sendable, offset))
            else:
                await progress.changed()

    def _check_promise(self) -> None:
        """Return while the content may be what our client was told. Another attempt may have brought other content."""
        entry = self._progress.entry
        found = (
            {**entry.checksums, "sha256": entry.digest.hex} if entry is not None and entry.digest is not None else {}
        )
        if any(found.get(algorithm, value) != value for algorithm, value in self.checksums.items()):
            raise _changed()

    @property
    def _sendable(self) -> int:
        """As the progress says; but held back, too, is the end of the length that our client was told: another
        attempt may know none, and giving all of it out would let an unverified body pass for whole."""
        sendable = self._progress.sendable
        if self.length is None or self._progress.complete:
            return sendable
        return min(sendable, max(0, self.length - HELD_BACK))

    async def _current(self, offset: int) -> FileIO:
        """Our own descriptor of the current file. Raises BadUpstream when it differs from what was sent."""
        current = self._progress.file
        if current is not self._seen or self._file is None:
            assert current is not None  # something is sendable
            ours = FileIO(os.dup(current.fileno()))
            old, self._file, self._seen = self._file, ours, current
            if old is None:  # nothing was sent: whatever it is now counts
                self.length, self.last_modified = self._progress.length, self._progress.last_modified
            else:
                await self._compare(old, ours, offset)
        return self._file

    async def _compare(self, old: FileIO, new: FileIO, offset: int) -> None:
        lengths = {self.length, self._progress.length} - {None}  # of a whole that nobody measured, all is said by bytes
        try:
            same = len(lengths) < 2 and await offload(_same, old, new, self._start, offset)
        finally:
            old.close()
        if not same:
            raise _changed()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._progress.detach()
        if self._file is not None:
            self._file.close()


def _changed() -> BadUpstream:
    return BadUpstream("the upstream's content changed while it was being sent: try again")


def _same(old: FileIO, new: FileIO, start: int, end: int) -> bool:
    """Do both files hold the same bytes in that range?"""
    if os.path.sameopenfile(old.fileno(), new.fileno()):
        return True
    while start < end:
        want = min(_COMPARE, end - start)
        a, b = os.pread(old.fileno(), want, start), os.pread(new.fileno(), want, start)
        if a != b or not a:
            return False
        start += len(a)
    return True
