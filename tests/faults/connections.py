"""Which worker of a server a connection has come to, so that a test can say whom it kills, and who must not notice."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

from tests.support.server import Server

_PATIENCE = 20.0  # seconds
_ESTABLISHED = "01"


def eventually(true: Callable[[], bool], what: str) -> None:
    """Return once it is true. Fails the test when it does not become so."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it never came: {what}"
        threading.Event().wait(0.005)


def connected(server: Server) -> tuple[HTTPConnection, int]:
    """A connection, and the worker that has taken it."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    found: list[int] = []

    def taken() -> bool:
        found.extend(_takers(server, connection.sock))
        return bool(found)

    eventually(taken, "a worker that takes the connection")
    return connection, found[0]


def spread(server: Server, number: int) -> list[tuple[HTTPConnection, int]]:
    """So many connections to each worker."""
    workers = server.workers()
    kept: dict[int, list[HTTPConnection]] = {pid: [] for pid in workers}
    spare: list[HTTPConnection] = []

    def all_have_enough() -> bool:
        connection, pid = connected(server)
        (kept[pid] if len(kept[pid]) < number else spare).append(connection)
        return all(len(each) == number for each in kept.values())

    eventually(all_have_enough, f"{number} connections to each of {workers}")
    for connection in spare:
        connection.close()
    return [(connection, pid) for pid, each in kept.items() for connection in each]


def writer_of(server: Server, size: int) -> int:
    """The worker that writes a file of ``incoming/``, once there are ``size`` bytes of it."""
    found: list[int] = []

    def far_enough() -> bool:
        for file in (server.data / "incoming").iterdir():
            with suppress(FileNotFoundError):
                if file.stat().st_size >= size:
                    found.extend(pid for pid in server.workers() if _writes(pid, file))
        return bool(found)

    eventually(far_enough, f"a file of {size} bytes that is being written")
    return found[0]


def _takers(server: Server, client: socket.socket) -> list[int]:
    ours, theirs = (f"0100007F:{port:04X}" for port in (server.port, client.getsockname()[1]))
    for line in Path("/proc/net/tcp").read_text().splitlines():
        fields = line.split()
        if fields[1:4] == [ours, theirs, _ESTABLISHED] and fields[9] != "0":  # 0: still waits to be taken
            return [pid for pid in server.workers() if _has_open(pid, f"socket:[{fields[9]}]")]
    return []


def _has_open(pid: int, what: str) -> bool:
    return any(_target(entry) == what for entry in Path(f"/proc/{pid}/fd").iterdir())


def _writes(pid: int, file: Path) -> bool:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if _target(entry) == str(file):
            flags = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text().splitlines()[1].split()[1]
            if int(flags, 8) & os.O_RDWR:
                return True
    return False


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # closed since
        return ""
