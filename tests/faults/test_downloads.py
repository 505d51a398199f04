"""What a cold artifact must survive: many clients, dying workers, lying upstreams, a full disk, a killed server.

All against real forked workers, with a scripted upstream on loopback.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.disk import small_disk
from tests.support.modules import module_zip
from tests.support.server import Server, go_proxy, resident
from tests.support.upstream import Answer, ScriptedUpstream, Static

pytestmark = pytest.mark.fault

MIB = 1 << 20
MODULE = "example.com/big"
VERSION = "v1.0.0"
PATH = f"/{MODULE}/@v/{VERSION}.zip"


@cache
def big() -> bytes:
    """A module zip of 64 MiB; made when first needed, as it takes seconds."""
    return module_zip(MODULE, VERSION, {"blob.bin": random.Random(1).randbytes(64 * MIB)})


SMALL = module_zip(MODULE, VERSION, {"blob.bin": random.Random(2).randbytes(2 * MIB)})


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


CUT = {"IncompleteRead", "ConnectionResetError", "RemoteDisconnected"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one client got: SHA-256 of the body, or why there is none; when its first byte came."""

    digest: str
    first_byte: float


def take(server: Server, path: str = "/go" + PATH) -> Taken:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        state, first, size = hashlib.sha256(), 0.0, 0
        while piece := answer.read(256 * 1024):
            first = first or time.monotonic()
            state.update(piece)
            size += len(piece)
        if size != int(answer.headers["Content-Length"]):  # read(n) is silent about a body that ends early
            return Taken("IncompleteRead", first)
        return Taken(state.hexdigest() if answer.status == 200 else f"status {answer.status}", first)
    except (http.client.HTTPException, OSError) as error:
        return Taken(type(error).__name__, 0.0)
    finally:
        connection.close()


def take_all(server: Server, clients: int) -> list[Taken]:
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda _: take(server), range(clients)))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_one_cold_artifact_is_one_request(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    sent_all = threading.Event()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(big()), MIB):
            yield big()[start : start + MIB]
            time.sleep(0.03)  # the upstream is slow: this is its script, not a wait for anything
        sent_all.set()
        ended.append(time.monotonic())

    ended: list[float] = []
    headers = {"Content-Length": str(len(big())), "ETag": '"1"'}
    upstream.script(PATH, Answer(body=pieces(), headers=headers))
    with Server(tmp_path, go_proxy(upstream.url), workers=4) as server:
        taken = take_all(server, 64)
        memory = [resident(pid) for pid in server.workers()]
        assert {t.digest for t in taken} == {digest(big())}
        assert upstream.count(PATH) == 1
        assert sent_all.is_set()
        assert max(t.first_byte for t in taken) < ended[0], "first bytes come while the upstream still sends"
        assert max(memory) < 100_000_000
        assert server.run("fsck").returncode == 0


def test_followers_survive_the_death_of_the_leader(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    half = threading.Event()
    whole = Static(data=big(), etag='"1"')
    upstream.script(PATH, whole.but(stall_after=len(big()) // 2, release=half), whole)
    with Server(tmp_path, go_proxy(upstream.url), workers=4) as server, ThreadPoolExecutor(32) as pool:
        clients = [pool.submit(take, server) for _ in range(32)]
        upstream.wait_for(1)
        leader = _leader(server, len(big()) // 2)
        os.kill(leader, signal.SIGKILL)
        taken = [client.result() for client in clients]
        whole_ones = [t for t in taken if t.digest == digest(big())]
        cut = [t for t in taken if t.digest != digest(big())]
        # a client of the dead worker itself is cut, never given a wrong end; at most a worker's share of them
        assert {t.digest for t in cut} <= CUT
        assert len(whole_ones) > 0
        ranged = [seen for seen in upstream.requests if "range" in seen.headers]
        assert [seen.headers["range"] for seen in ranged] == [f"bytes={len(big()) // 2}-"]
        assert take(server).digest == digest(big())
        assert upstream.count(PATH) == 2
        assert server.run("fsck").returncode == 0


def _leader(server: Server, size: int) -> int:
    """The worker that writes the download, once ``size`` bytes of it are there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        files = list((server.data / "incoming").iterdir())
        if files and files[0].stat().st_size >= size:
            return _writer(server, files[0])
        threading.Event().wait(0.01)
    raise AssertionError("the download did not get that far")


def _writer(server: Server, file: Path) -> int:
    for pid in server.workers():
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if entry.exists() and entry.readlink() == file:
                flags = int(Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text().splitlines()[1].split()[1], 8)
                if flags & os.O_RDWR:
                    return pid
    raise AssertionError("nobody writes the download")


LIES = {
    "truncated": (Static(data=SMALL, etag='"1"').but(cut_after=MIB), {502, 503, 0}),
    "claims more than it sends": (Answer(body=SMALL, claim=len(SMALL) + 10), {502, 503, 0}),
    "claims less than it sends": (Answer(body=SMALL, claim=len(SMALL) - 10), {502, 0}),
    "not a zip": (Answer(body=b"<html>hello</html>" * 10), {502}),
    "another module's zip": (Answer(body=module_zip("example.com/other", VERSION, {"a": b"b"})), {502}),
    "429": (Answer(status=429, headers={"Retry-After": "1"}, body=b"slow down"), {503}),
    "500": (Answer(status=500, body=b"oops"), {502, 503}),
    "503": (Answer(status=503, body=b"oops"), {503}),
    "401": (Answer(status=401, body=b"who?"), {502}),
    "reset before the head": (Answer(reset=True), {502, 503}),
    "reset in the body": (Static(data=SMALL).but(reset=True, cut_after=MIB), {502, 503, 0}),
    "stalls": (Static(data=SMALL, etag='"1"').but(stall_after=MIB), {502, 503, 0}),
    "stalls before the head": (Answer(body=SMALL, delay=threading.Event()), {502, 503}),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_an_upstream_gets_wrong_is_never_entered(tmp_path: Path, upstream: ScriptedUpstream, lie: str) -> None:
    behaviour, statuses = LIES[lie]
    upstream.script(PATH, behaviour)
    config = go_proxy(upstream.url, "retries = 0", 'idle_timeout = "1 s"', 'negative_ttl = "1 s"')
    with Server(tmp_path, config) as server:
        try:
            answered = server.get("/go" + PATH)
            assert answered.status in statuses
            assert answered.headers["content-type"].startswith("text/plain")
            assert 20 < len(answered.body) < 700
            assert "retry-after" in answered.headers
        except (http.client.IncompleteRead, ConnectionResetError):
            assert 0 in statuses, "the answer was cut, though it could have been an error"
        assert list((server.data / "blobs").rglob("*/??/*")) == []
        upstream.script(PATH, Static(data=SMALL, etag='"2"'))
        assert _eventually(server) == digest(SMALL)
        assert server.run("fsck").returncode == 0


def _eventually(server: Server) -> str:
    """The next try works: at once, or when the time named in Retry-After is over."""
    for _ in range(5):
        answered = server.get("/go" + PATH)
        if answered.status == 200:
            return digest(answered.body)
        threading.Event().wait(float(answered.headers["retry-after"]))
    return f"status {answered.status}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 24) as folder:
        yield folder


def test_a_full_disk_loses_nothing(disk: Path, upstream: ScriptedUpstream) -> None:
    upstream.script(PATH, Static(data=big(), etag='"1"'))
    other = "/example.com/small/@v/v1.0.0.zip"
    fits = module_zip("example.com/small", VERSION, {"a.bin": random.Random(3).randbytes(MIB)})
    upstream.script(other, Static(data=fits))
    with Server(disk, go_proxy(upstream.url)) as server:
        assert digest(server.get("/go" + other).body) == digest(fits)
        taken = take_all(server, 8)
        assert {t.digest for t in taken} <= CUT | {"status 507"}
        assert server.get("/-/health").status == 200
        assert digest(server.get("/go" + other).body) == digest(fits), "what is held stays readable"
        assert list((server.data / "incoming").iterdir()) == [], "the room is given back"
        upstream.script(PATH, Static(data=SMALL, etag='"2"'))
        assert take(server).digest == digest(SMALL), "the next one that fits is served"
        assert server.run("fsck").returncode == 0


def test_killed_at_random_moments_it_starts_by_itself(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    chance = random.Random(4)
    zips = {}
    for i in range(300):
        name = f"example.com/m{i}"
        zips[f"/{name}/@v/{VERSION}.zip"] = module_zip(
            name, VERSION, {"a.bin": chance.randbytes(chance.randrange(300_000))}
        )
    upstream.handler = lambda path: (200, {"ETag": '"1"'}, zips[path]) if path in zips else None
    server = Server(tmp_path, go_proxy(upstream.url))
    for _ in range(6):
        server.start()
        over = threading.Event()

        def fetch(seed: int, over: threading.Event = over) -> None:
            paths = random.Random(seed).sample(sorted(zips), len(zips))
            for path in paths:
                if over.is_set():
                    return
                try:
                    answered = server.get("/go" + path)
                except (OSError, http.client.HTTPException):
                    continue
                assert (answered.status, digest(answered.body)) == (200, digest(zips[path]))

        with ThreadPoolExecutor(8) as pool:
            fetching = [pool.submit(fetch, chance.random().__hash__()) for _ in range(8)]
            threading.Event().wait(chance.uniform(0.05, 0.8))
            server.kill_all()
            over.set()
            for future in fetching:
                future.result()
        checked = server.run("fsck")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    with server:
        for path, data in zips.items():
            assert digest(server.get("/go" + path).body) == digest(data)


def test_a_reload_under_load_loses_no_request(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    upstream.static(f"/{MODULE}/@v/list", b"v1.0.0\n", etag='"1"')
    upstream.script(PATH, Static(data=SMALL, etag='"1"'))
    with Server(tmp_path, go_proxy(upstream.url)) as server:
        over = threading.Event()
        counts = []

        def hammer() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            count = 0
            while not over.is_set():
                for path, want in ((f"/{MODULE}/@v/list", b"v1.0.0\n"), (PATH, SMALL)):
                    connection.request("GET", "/go" + path)
                    answer = connection.getresponse()
                    assert (answer.status, answer.read()) == (200, want)
                    count += 1
            connection.close()
            counts.append(count)

        with ThreadPoolExecutor(8) as pool:
            hammering = [pool.submit(hammer) for _ in range(8)]
            for _ in range(3):
                server.reload()
                threading.Event().wait(0.3)
            over.set()
            for future in hammering:
                future.result()
        assert sum(counts) > 100


HOSTILE = [
    "..", "../..", "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e", ".", "./a",
    "a/../b", "a/./b", "a//b", "/a", "a/", "%00", "a%00b", "%0a", "%0d%0aX: y", "%7f", "%80", "%ff", "%c0%ae%c0%ae/",
    "%", "%2", "%zz", "%u0041", "\\", "a\\b", "%5c..%5c..", "a" * 5000, "a/" * 3000, "?x", "", "@v", "@v/", "@v/list",
    "@latest", "/@latest", "m@v/list", "example.com/m/@v", "example.com/m/@v/", "example.com/m/@v/.zip",
    "example.com/m/@v/v1.zip", "example.com/m/@v/v1.0.zip", "example.com/m/@v/latest.zip",
    "example.com/m/@v/v1.0.0.exe", "example.com/m/@v/v1.0.0", "example.com/m/@v/../../x", "example.com/m/@v/%2e%2e",
    "example.com/m/@v/v1.0.0.zip/", "example.com/m/@v/v1.0.0.zip/x", "example.com/m/@v/v1.0.0%00.zip",
    "example.com/m/@v/v1.0.0.zip%00", "example.com/m/@v/v1.0.0+meta.zip", "example.com/m/@v/v01.0.0.zip",
    "example.com/m/@v/V1.0.0.zip", "example.com/m/@v/v1.0.0-!.zip", "example.com/m/@v/list/", "example.com/m/@v/LIST",
    "Example.com/m/@v/list", "example.com/M/@v/list", "example.com/!/@v/list", "example.com/!M/@v/list",
    "example.com/!1/@v/list", "example.com/m!/@v/list", "example.com/m/v1/@v/list", "example.com/m/v02/@v/list",
    "example.com/m/v2/@v/v1.0.0.zip", "example.com/m/@v/v2.0.0.zip", "gopkg.in/m/@v/list",
    "gopkg.in/m.v1/@v/v2.0.0.zip",
    ".example.com/m/@v/list", "example.com./m/@v/list", "-example.com/m/@v/list", "example/m/@v/list",
    "example.com/.m/@v/list", "example.com/m./@v/list", "example.com/con/@v/list", "example.com/NUL.txt/@v/list",
    "example.com/com1/@v/list", "example.com/m~1/@v/list", "example.com/m ä/@v/list".replace(" ", "%20"),
    "example.com/%C3%A4/@v/list", "example.com/m:8/@v/list", "example.com/m;x/@v/list", "example.com/m&x/@v/list",
    "example.com/m%20x/@v/list", "example.com/m%0ax/@v/list", "example.com/m%2f..%2fx/@v/list", "example.com/m/@w/list",
    "sumdb", "sumdb/", "sumdb/x", "sumdb/x/", "sumdb/evil.example/supported", "sumdb/127.0.0.1:1/supported",
    "sumdb/../supported", "sumdb/%2e%2e/latest", "sumdb/evil.example/latest", "sumdb/evil.example/lookup/a@v1.0.0",
    "sumdb/evil.example/tile/8/0/000", "sumdb/evil.example/../../x", "sumdb/x/tile/99/0/0", "sumdb/x/lookup/",
    "sumdb/x@y/latest", "sumdb/user:pass@host/latest", "sumdb//latest",
]  # fmt: skip


def test_hostile_paths_are_refused_and_reach_nobody(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    assert len(HOSTILE) >= 100
    upstream.handler = lambda path: (200, {}, b"v1.0.0\n")
    with Server(tmp_path, go_proxy(upstream.url)) as server:
        for path in HOSTILE:
            status = _raw(server, path.encode())
            assert 400 <= status < 500, (path, status)
        assert upstream.requests == []
        assert server.get("/-/health").status == 200


def _raw(server: Server, path: bytes) -> int:
    """The status of a request whose target no client library would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET /go/" + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return int(answer.split(b" ", 2)[1])
