"""Load from other processes, and what it cost the server: requests, bytes, processor seconds, memory."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the clients of one pull saw: seconds from the common start."""

    first_byte: float  # of the first client
    last_done: float
    bytes_each: int


def requests_per_second(url: str, connections: int, seconds: int, accept: str = "*/*") -> float:
    """wrk's figure."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-H", f"Accept: {accept}", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{url}: {output}")
    match = re.search(r"Requests/sec:\s*([\d.]+)", output)
    assert match is not None, output
    return float(match[1])


def pull(url: str, clients: int) -> Pulled:
    """``clients`` processes of this module fetch ``url`` at once. Raises RuntimeError when one did not get it all."""
    command = [sys.executable, "-m", "tests.bench.load", url]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(clients)
    ]
    for client in running:
        assert client.stdout is not None
        client.stdout.readline()  # it is connected
    start = time.clock_gettime(time.CLOCK_MONOTONIC)
    for client in running:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    lines = [client.communicate()[0].split() for client in running]
    if any(len(line) != 3 for line in lines) or len({line[2] for line in lines}) != 1:
        raise RuntimeError(f"{url}: not every client got the whole: {lines}")
    return Pulled(
        min(float(line[0]) for line in lines) - start, max(float(line[1]) for line in lines) - start, int(lines[0][2])
    )


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time that the processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_now(pid: int) -> int:
    """Bytes of memory of the process alone, its share of what it shares included (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def _client(url: str) -> None:
    """One client: connect, say so, wait for the word, fetch; print first byte, end, and bytes of body."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        print("connected", flush=True)
        sys.stdin.readline()
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        first = time.clock_gettime(time.CLOCK_MONOTONIC)
        fields, _, body = head.partition(b"\r\n\r\n")
        size, buffer = len(body), bytearray(_PIECE)
        while count := connection.recv_into(buffer):
            size += count
        done = time.clock_gettime(time.CLOCK_MONOTONIC)
        length = re.search(rb"(?i)content-length: (\d+)", fields)
        if fields.split()[1] == b"200" and length is not None and int(length[1]) == size:
            print(first, done, size, flush=True)


if __name__ == "__main__":
    _client(sys.argv[1])
