"""A program on this machine in place of an upstream that speaks HTTP: run with limits, what it leaves given as a body.

It knows how programs are run and tidied up after, not what they are: that says the `mxart.registration.Tool`.

Each run works in two folders below ``scratch``, whose names end in the time from which they are nobody's::

    NAME~RANDOM~EXPIRES      a run's home: removed when it ends
    NAME~cache~EXPIRES       what the runs begun in one period share

That time is the end of the period, and the longest that a run begun in it may take. So whoever comes later, in whatever
worker, may remove a folder without asking anybody: no lock is held while programs run, and what a killed server left
goes like everything else. A clock that is set forward may take a folder from under a run, which then fails and is tried
again.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mxart.errors import BadUpstream, Gone, MxartError, NotFound, StoreFull, Unavailable
from mxart.offload import offload, undisturbed
from mxart.registration import Command, Outcome, Places, Tool
from mxart.settings import UpstreamSettings
from mxart.upstream import Exchange, Fetch, Head, Upstream
from mxart.upstream.queue import FairQueue, Slots

PERIOD = 600.0  # seconds for which runs that begin share a cache
_MARGIN = 60.0  # seconds between the end of the longest run and the removal: what it left is still to be opened
_MAX_OUTPUT = 16 << 20  # bytes that are read of each
_CHUNK = 256 << 10  # bytes
_SCRATCH = "the folder in which tools work"
_STOPPING = "the server is stopping: try again in a moment"
_SEPARATOR = "~"  # no repository's name has one


class ToolUpstream:
    """`Upstream` by a tool. Made, used and closed within one event loop.

    It answers 200, and 404 or 410 with the reason as text; there are no conditions and no parts.
    """

    def __init__(
        self, name: str, tool: Tool, settings: UpstreamSettings, scratch: Path, clock: Callable[[], float] = time.time
    ) -> None:
        """``name``: of the repository. ``scratch``: a folder that it shares with other tools and workers."""
        self.settings = settings
        self._name = name
        self._tool = tool
        self._scratch = scratch
        self._clock = clock
        self._running: set[Process] = set()
        self._closed = False
        self._sweeping = asyncio.create_task(self._sweep_now_and_then(), name=f"sweep the scratch folder for {name}")

    @asynccontextmanager
    async def fetch(self, fetch: Fetch) -> AsyncIterator[Exchange]:
        """As `Upstream.fetch`: entering runs the tool to its end. Raises StoreFull, too; BadUpstream with 405 for HEAD:
        a look would be as much work as the whole."""
        if fetch.method == "HEAD":
            raise BadUpstream("a tool can only be asked for the whole", 405)
        places = await offload(self._make_places)
        try:
            left = await self._answer(fetch, places)
            try:
                yield left
            finally:
                left.close()
        finally:
            await undisturbed(offload(_remove, places.home))

    async def close(self) -> None:
        """True after: nothing runs any more, nor will. The caches stay for others, until somebody sweeps."""
        self._closed = True
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        running = list(self._running)
        for process in running:
            _kill(process)
        await asyncio.gather(*(process.wait() for process in running))

    # --- a run ---

    async def _answer(self, fetch: Fetch, places: Places) -> _Left:
        try:
            command = self._tool.command(fetch.path, places)
            outcome = await self._run(command, places.home)
            content = await offload(self._tool.content, fetch.path, outcome, places)
            return await offload(_open, content, fetch.max_size)
        except NotFound as error:
            status = 410 if isinstance(error, Gone) else 404
            text = error.message.encode()
            return _Left(BytesIO(text), Head(status=status, url="", headers=_PLAIN, length=len(text)))

    async def _run(self, command: Command, home: Path) -> Outcome:
        await offload(_write, home, command)
        if self._closed:
            raise Unavailable(_STOPPING)
        with _trouble(_SCRATCH), _new(home / ".output") as output, _new(home / ".errors") as errors:
            code = await self._watch(command, home, (output, errors))
            return Outcome(code, await offload(_beginning, output), await offload(_beginning, errors))

    async def _watch(self, command: Command, home: Path, outputs: tuple[BinaryIO, BinaryIO]) -> int:
        """Its exit code, once it has ended, and all that it started with it. Raises Unavailable."""
        process = await _start(command, home, outputs)
        self._running.add(process)
        if self._closed:  # while it was started
            _kill(process)
        try:
            async with asyncio.timeout(self.settings.time_limit):
                code = await process.wait()
        except TimeoutError as error:
            raise Unavailable(
                f"{Path(command.arguments[0]).name} did not end within {self.settings.time_limit:g} s: "
                "try again, or raise time_limit"
            ) from error
        finally:
            _kill(process)  # when it has ended by itself, what it has started may not
            await undisturbed(process.wait())
            self._running.discard(process)
        if self._closed:
            raise Unavailable(_STOPPING)
        return code

    # --- folders ---

    def _make_places(self) -> Places:
        now, longest = self._clock(), self.settings.time_limit + _MARGIN
        home = self._folder(secrets.token_hex(8), now + longest)
        cache = self._folder("cache", (now // PERIOD + 1) * PERIOD + longest)
        with _trouble(_SCRATCH):
            home.mkdir(0o700, parents=True)
            cache.mkdir(0o700, exist_ok=True)
        return Places(home=home, cache=cache)

    def _folder(self, what: str, expires: float) -> Path:
        return self._scratch / _SEPARATOR.join((self._name, what, str(int(expires) + 1)))

    async def _sweep_now_and_then(self) -> None:
        while True:
            seconds = await undisturbed(offload(self._sweep))
            await asyncio.sleep(seconds)

    def _sweep(self) -> float:
        """No folder is left that is nobody's. Returns the seconds until it is worth another look."""
        now, soon = self._clock(), PERIOD
        with suppress(OSError):
            for folder in list(self._scratch.iterdir()):
                expires = folder.name.rpartition(_SEPARATOR)[2]
                if not expires.isdecimal():
                    continue
                if int(expires) <= now:
                    _remove(folder)
                else:
                    soon = min(soon, int(expires) - now)
        return soon


def build_tool(tool: ToolUpstream, slots: Slots, turn: Slots) -> Upstream:
    """A tool as repositories use it: queue(tool). ``slots`` and ``turn`` as in `build.build`; whoever made the tool
    closes it.

    There is no breaker, because many hosts are behind it and one that is down says nothing about the others; and no
    second try, because a run takes long, and the programs try again by themselves where it helps.
    """
    return FairQueue(tool, slots, turn, tool.settings.queue_timeout, "version control")


# --- what was left ---------------------------------------------------------------------------------------------------

_PLAIN = {"content-type": "text/plain; charset=utf-8"}


class _Left:
    """`Exchange` over what a run has left."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self.head = head
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await undisturbed(offload(self._file.read, _CHUNK)):  # else a close could come in between
            yield chunk

    def close(self) -> None:
        self._file.close()


def _open(content: Path | bytes, max_size: int) -> _Left:
    """Raises BadUpstream when it is larger than ``max_size``."""
    file: BinaryIO = BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > max_size:
        file.close()
        raise BadUpstream(f"what was fetched has {size} bytes; at most {max_size} are taken")
    return _Left(file, Head(status=200, url="", length=size))


# --- processes -------------------------------------------------------------------------------------------------------


async def _start(command: Command, home: Path, outputs: tuple[BinaryIO, BinaryIO]) -> Process:
    """It runs in ``home``, in a session of its own: it has no terminal to ask on, and goes with all that it starts.

    Its outputs are files, not pipes, so that its end is seen whoever of those that it started still holds them.
    """
    output, errors = outputs
    try:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            cwd=home,
            env=dict(command.environment),
            stdin=DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"{Path(command.arguments[0]).name} cannot be run on the server: {error.strerror}") from error


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


# --- files -----------------------------------------------------------------------------------------------------------


def _write(home: Path, command: Command) -> None:
    """The command's files are in its home."""
    with _trouble(_SCRATCH):
        for name, text in command.files.items():
            path = home / name
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            with _new(path) as file:
                file.write(text.encode())


def _new(path: Path) -> BinaryIO:
    """A new file that only its owner can read, open for reading and writing."""
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "r+b", buffering=0)


def _beginning(output: BinaryIO) -> bytes:
    """What the program wrote, cut where it grows long."""
    output.seek(0)
    return output.read(_MAX_OUTPUT)


@contextmanager
def _trouble(what: str) -> Iterator[None]:
    """OSError inside becomes what may be told of ``what``."""
    try:
        yield
    except OSError as error:
        raise _told(what, error) from error


def _told(what: str, error: OSError) -> MxartError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"no room is left for {what}: free some space on its disk")
    return Unavailable(f"{what} cannot be written: {error.strerror}")


def _remove(folder: Path) -> None:
    """The folder is gone, read-only ones in it or not; so it is when somebody else is at it, too."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError:
        _make_writable(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _make_writable(folder: Path) -> None:
    """Every folder in it can be emptied, if it is ours."""
    with suppress(OSError):
        folder.chmod(0o700)
    for parent, folders, _ in os.walk(folder):
        for path in (Path(parent, name) for name in folders):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)
