"""What a parent process waits for: its children, signals, pipes and timers, on one selector.

An event loop of its own, because the parent must hold no asyncio loop, no thread and no open store when it forks.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import count

_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Processes:
    """Forks children and calls back when something happens. One for a process; use it as a context manager."""

    def __init__(self, signalled: Callable[[signal.Signals], None]) -> None:
        """``signalled``: called for SIGTERM, SIGINT and SIGHUP, in the order in which they came."""
        self._signalled = signalled
        self._children: dict[int, Callable[[int], None]] = {}
        self._readers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()

    def __enter__(self) -> Processes:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in _WATCHED:
            signal.signal(number, lambda *_: None)  # the wake-up descriptor tells which it was
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number in _WATCHED:
            signal.signal(number, signal.SIG_DFL)
        self._close()

    def __len__(self) -> int:
        """Children that have not been reaped."""
        return len(self._children)

    def fork(self, life: Callable[[], int], exited: Callable[[int], None]) -> int:
        """The pid of a new child, which runs ``life`` and exits with what it returns.

        The child has none of the parent's watchers, and default signal handling; it ignores SIGINT and SIGHUP, which
        a terminal sends to everybody. ``exited`` is called in the parent with its exit status, or minus the signal.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        # a signal in between would be written into the wake-up descriptor that child and parent share
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            pid = os.fork()
            if not pid:
                self._become_child(life)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        self._children[pid] = exited
        return pid

    def kill(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a child that has not been reaped; nothing happens when it has."""
        if pid in self._children:
            os.kill(pid, number)

    def kill_all(self, number: signal.Signals) -> None:
        """Send a signal to every child."""
        for pid in self._children:
            os.kill(pid, number)

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Call ``readable`` whenever ``fd`` has something to read, or has ended. The descriptor is ours until
        `unwatch`; children do not get it."""
        self._readers[fd] = readable
        self._selector.register(fd, selectors.EVENT_READ, readable)

    def unwatch(self, fd: int) -> None:
        """True after: the descriptor is closed."""
        if self._readers.pop(fd, None):
            self._selector.unregister(fd)
            os.close(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call ``call`` once, after so long."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), call))

    def wait(self) -> None:
        """Wait until something happens, and call back for it."""
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._woken:
                self._drain_signals()
            elif key.fd in self._readers:
                self._readers[key.fd]()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _drain_signals(self) -> None:
        numbers: Sequence[int] = b""
        with contextlib.suppress(BlockingIOError):
            numbers = self._woken.recv(4096)
        if signal.SIGCHLD in numbers:
            self._reap()
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self._signalled(signal.Signals(number))

    def _reap(self) -> None:
        for pid in list(self._children):
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                self._children.pop(pid)(os.waitstatus_to_exitcode(status))

    def _become_child(self, life: Callable[[], int]) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _WATCHED:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            self._close()
            status = life()
        except BaseException:  # nothing may unwind into the parent's frames, which this process has a copy of
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(status)

    def _close(self) -> None:
        self._selector.close()
        self._woken.close()
        self._waker.close()
        for fd in self._readers:
            os.close(fd)
        self._readers.clear()
