"""The way back to one client: bytes and parts of files, in order, as fast as the client takes them.

Plain sockets get files by sendfile(2), so that they never enter this process; TLS gets them piece by piece. A client
that is gone shows as Tornado's StreamClosedError.
"""

from __future__ import annotations

import asyncio
import errno
import os
from io import FileIO

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

from mxart.offload import offload
from mxart.server.connections import STALL, Connection

SMALL = 64 * 1024  # bytes of a file that are read at once, and that one write may carry
_STEP = 2 * 1024 * 1024  # bytes of one sendfile: other connections get their turn after it
_AHEAD = 4 * 1024 * 1024  # bytes the kernel is told to read before they are needed
_GONE = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.ESHUTDOWN}


class Truncated(OSError):
    """The file has fewer bytes than were promised to the client."""


class Wire:
    """One client's connection, for the length of one answer."""

    __slots__ = ("_connection", "_stream", "begun", "sent")

    def __init__(self, connection: Connection) -> None:
        self._stream = connection.stream
        self._connection = connection
        self.begun = False  # something has been sent: another answer is out of the question
        self.sent = 0  # bytes, heads and framing included

    async def write(self, data: bytes) -> None:
        """True after: the kernel has it. Raises StreamClosedError."""
        self.begun = True
        await self.interim(data)

    async def interim(self, data: bytes) -> None:
        """The same for a head that another follows (RFC 9110 §15.2)."""
        self.sent += len(data)
        flushed = self._stream.write(data)
        if flushed.done():
            return flushed.result()
        self._connection.expect(STALL)
        await flushed
        self._connection.take_turn()
        return None

    async def send_file(self, file: FileIO, start: int, stop: int) -> None:
        """Send ``file[start:stop]``. Raises StreamClosedError, Truncated, and OSError when it cannot be read."""
        if stop - start <= SMALL:
            await self.write(await read_small(file, start, stop - start))
        elif isinstance(self._stream, SSLIOStream):
            for offset in range(start, stop, SMALL):
                data = await offload(_read, file.fileno(), min(SMALL, stop - offset), offset)
                await self.write(data)
        else:
            await _Sendfile(self._stream, self._connection, file, start, stop).run()
            self.sent += stop - start


async def read_small(file: FileIO, offset: int, size: int) -> bytes:
    """``size`` bytes, at most SMALL; off the event loop unless they are in memory. Raises Truncated, OSError."""
    buffer = bytearray(size)
    try:
        if os.preadv(file.fileno(), [buffer], offset, os.RWF_NOWAIT) == size:
            return bytes(buffer)
    except OSError as error:
        # not in the page cache; or a file system that cannot say
        if error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP):
            raise
    return await offload(_read, file.fileno(), size, offset)


def _read(fd: int, size: int, offset: int) -> bytes:
    data = os.pread(fd, size, offset)
    while len(data) < size:
        more = os.pread(fd, size - len(data), offset + len(data))
        if not more:
            raise Truncated(f"the file ends before byte {offset + size}")
        data += more
    return data


class _Sendfile:
    """Part of a file on its way into a plain socket whose write buffer in this process is empty.

    It watches a duplicate of the socket's descriptor, because a loop takes one watcher for each and Tornado has its
    own on the original. The duplicate dies with the run.
    """

    __slots__ = ("_ahead", "_connection", "_done", "_fd", "_file", "_loop", "_offset", "_stop")

    def __init__(self, stream: IOStream, connection: Connection, file: FileIO, start: int, stop: int) -> None:
        if stream.closed():
            raise StreamClosedError
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._connection = connection
        self._file = file.fileno()
        self._offset = self._ahead = start
        self._stop = stop
        self._fd = os.dup(stream.socket.fileno())

    async def run(self) -> None:
        try:
            self._step()
            if not self._done.done():
                self._connection.expect(STALL)
                self._loop.add_writer(self._fd, self._step)
            await self._done
            self._connection.take_turn()
        finally:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)

    def _step(self) -> None:
        if self._done.done():
            return
        try:
            sent = self._send()
        except BlockingIOError:
            return
        except OSError as error:
            self._done.set_exception(StreamClosedError(error) if error.errno in _GONE else error)
            return
        self._offset += sent
        self._connection.expect(STALL)
        if self._offset == self._stop:
            self._done.set_result(None)
        elif not sent:
            self._done.set_exception(Truncated(f"the file ends before byte {self._stop}"))

    def _send(self) -> int:
        if self._ahead < self._stop and self._ahead - self._offset < _AHEAD // 2:
            os.posix_fadvise(self._file, self._ahead, _AHEAD, os.POSIX_FADV_WILLNEED)
            self._ahead += _AHEAD
        return os.sendfile(self._fd, self._file, self._offset, min(_STEP, self._stop - self._offset))
