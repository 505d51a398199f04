"""A large layer that several clients pull while it comes, and the worker that fetches it is killed in the middle."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.faults.connections import spread, writer_of
from tests.support.server import Server, docker_proxy, resident
from tests.support.upstream import Answer, ScriptedUpstream, Seen

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

MIB = 1 << 20
SIZE = 500_000_000
RATE = 130e6  # bytes a second of the upstream: there is time to kill
WORKERS = 4
CUT = (http.client.HTTPException, OSError)


class Layer:
    """Bytes that are made when they are asked for, no two MiB of them alike."""

    _pattern = hashlib.shake_256(b"layer").digest(MIB)

    def pieces(self, start: int) -> Iterator[bytes]:
        while start < SIZE:
            end = min(start - start % MIB + MIB, SIZE)
            yield self.between(start, end)
            start = end

    def between(self, start: int, end: int) -> bytes:
        """Within one MiB."""
        number, offset = divmod(start, MIB)
        piece = number.to_bytes(8, "big") + self._pattern[8:]
        return piece[offset : offset + end - start]

    def holds(self, start: int, data: bytes) -> bool:
        """Are these its bytes from ``start`` on?"""
        position = 0
        while position < len(data):
            step = min(MIB - (start + position) % MIB, len(data) - position)
            if data[position : position + step] != self.between(start + position, start + position + step):
                return False
            position += step
        return True


LAYER = Layer()


@cache
def digest() -> str:
    state = hashlib.sha256()
    for piece in LAYER.pieces(0):
        state.update(piece)
    return f"sha256:{state.hexdigest()}"


def registry(seen: Seen) -> Answer:
    """What a registry answers for the layer."""
    first = int((re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", "")) or ["", "0"])[1])
    headers = {"ETag": f'"{digest()}"', "Docker-Content-Digest": digest(), "Content-Length": str(SIZE - first)}
    if first:
        headers["Content-Range"] = f"bytes {first}-{SIZE - 1}/{SIZE}"
    return Answer(status=206 if first else 200, headers=headers, body=LAYER.pieces(first), rate=RATE)


@dataclass
class Puller:
    """A client that goes on from where it was cut, as engines do."""

    connection: http.client.HTTPConnection
    worker: int  # that its connection came to
    came: int = 0  # bytes
    cuts: int = 0
    exact: bool = True

    def run(self, path: str) -> None:
        deadline = time.monotonic() + 100
        while self.came < SIZE and self.exact:
            assert time.monotonic() < deadline, f"{self.came} bytes came"
            try:
                self._take(path)
            except CUT:
                self.cuts += 1
                self.connection.close()
        self.connection.close()

    def _take(self, path: str) -> None:
        self.connection.request("GET", path, headers={"Range": f"bytes={self.came}-"} if self.came else {})
        answer = self.connection.getresponse()
        assert answer.status == (206 if self.came else 200), answer.status
        assert int(answer.headers["Content-Length"]) == SIZE - self.came
        while self.came < SIZE:
            piece = answer.read(MIB)
            if not piece:
                raise http.client.IncompleteRead(b"")
            self.exact = self.exact and LAYER.holds(self.came, piece)
            self.came += len(piece)


def test_clients_of_a_layer_survive_the_death_of_the_worker_that_fetches_it(tmp_path: Path) -> None:
    path = f"/v2/library/big/blobs/{digest()}"
    with ScriptedUpstream() as upstream, Server(tmp_path, docker_proxy(upstream.url), workers=WORKERS) as server:
        upstream.script(path, registry)
        idle = {pid: resident(pid) for pid in server.workers()}
        pullers = [Puller(connection, pid) for connection, pid in spread(server, 8 // WORKERS)]
        with ThreadPoolExecutor(len(pullers)) as pool:
            pulling = [pool.submit(puller.run, path.replace("/v2/", "/v2/hub/")) for puller in pullers]
            leader = writer_of(server, SIZE // 3)
            grown = max(resident(pid) - before for pid, before in idle.items())
            os.kill(leader, signal.SIGKILL)
            for each in pulling:
                each.result()
        assert all(puller.exact for puller in pullers)
        assert {puller.worker for puller in pullers if puller.cuts} == {leader}, "the others notice nothing"
        assert all(puller.cuts for puller in pullers if puller.worker == leader)
        _was_asked_once_and_for_the_rest(upstream.requests)
        grown = max(grown, *(resident(pid) - min(idle.values()) for pid in server.workers()))
        assert grown < 100_000_000
        assert server.get(path.replace("/v2/", "/v2/hub/"), method="HEAD").headers["content-length"] == str(SIZE)
        checked = server.run("fsck")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert list((server.data / "incoming").iterdir()) == []


def _was_asked_once_and_for_the_rest(requests: list[Seen]) -> None:
    ranges: list[Mapping[str, str]] = [seen.headers for seen in requests]
    assert [seen.method for seen in requests] == ["GET", "GET"]
    assert "range" not in ranges[0]
    match = re.fullmatch(r"bytes=(\d+)-", ranges[1]["range"])
    assert match is not None
    assert int(match[1]) >= SIZE // 3
