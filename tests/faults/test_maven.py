"""What Maven repositories must survive: upstreams that lie, stall and break off, dying workers, a full disk, a killed
server.

All against real forked workers, with a scripted upstream on loopback.
"""

from __future__ import annotations

import base64
import http.client
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests.faults.connections import spread, writer_of
from tests.support.disk import small_disk
from tests.support.maven import checksummed, hex_of, maven_hosted, maven_proxy, path_of, pom
from tests.support.server import Answered, Server, resident
from tests.support.upstream import Answer, ScriptedUpstream, Static

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

MIB = 1 << 20
JAR = path_of("org.acme", "lib", "1.0", ".jar")
POM = path_of("org.acme", "lib", "1.0", ".pom")
MUTABLE = path_of("org.acme", "lib", "1.1-SNAPSHOT", ".jar")
METADATA = "org/acme/lib/maven-metadata.xml"
BODY = random.Random(1).randbytes(2 * MIB)
PAGE = b"<!DOCTYPE html>\n<html><title>Please log in</title></html>\n"
PATIENT = ("retries = 0", 'idle_timeout = "1 s"', 'negative_ttl = "1 s"')


@cache
def big() -> bytes:
    """48 MiB; made when first needed, as it takes a while."""
    return random.Random(2).randbytes(48 * MIB)


def metadata(*versions: str) -> bytes:
    listed = "".join(f"<version>{version}</version>" for version in versions)
    return f"<metadata><versioning><versions>{listed}</versions></versioning></metadata>".encode()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def blobs(server: Server) -> list[Path]:
    return list((server.data / "blobs").rglob("*/??/*"))


def incoming(server: Server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


def refusal(server: Server, path: str) -> Answered | None:
    """The answer, which is an error in words; None when it was cut after its head."""
    try:
        answered = server.get(f"/central/{path}")
    except (http.client.IncompleteRead, ConnectionResetError):
        return None
    assert answered.status in (502, 503), answered.status
    assert answered.headers["content-type"] == "application/problem+json"
    assert 60 < len(answered.body) < 900
    assert "retry-after" in answered.headers
    return answered


def eventually(server: Server, path: str) -> bytes:
    """What the next try gets: at once, or when the time named in Retry-After is over."""
    for _ in range(8):
        answered = server.get(f"/central/{path}")
        if answered.status == 200:
            return answered.body
        threading.Event().wait(float(answered.headers.get("retry-after", "1")))
    raise AssertionError(f"{path}: {answered.status} {answered.body!r}")


# --- upstreams that say what is not so -------------------------------------------------------------------------------


def stated(**checksums: bytes) -> Static:
    headers = {f"X-Checksum-{name.upper()}": value.decode() for name, value in checksums.items()}
    return Static(data=BODY, etag='"1"', headers=headers)


WRONG = hex_of(b"other")
LIES = {
    "in its header": (stated(sha1=WRONG), None),
    "in one of its headers": (stated(sha1=hex_of(BODY), md5=hex_of(b"other", "md5")), None),
    "in its ETag": (Static(data=BODY, etag=f'"{{SHA1{{{WRONG.decode()}}}}}"'), None),
    "in its file": (Static(data=BODY), Static(data=WRONG)),
    "by no checksum": (Static(data=BODY), Static(data=b"0" * 39)),
    "by a web page": (Static(data=BODY), Static(data=PAGE)),
    "by an endless file": (Static(data=BODY), Static(data=b"\n" * MIB)),
    "by a file that stalls": (Static(data=BODY), Static(data=hex_of(BODY)).but(stall_after=10)),
    "by a file that stalls before its head": (Static(data=BODY), Answer(delay=threading.Event())),
    "by a file that ends early": (Static(data=BODY), Static(data=hex_of(BODY)).but(cut_after=10)),
    "by a file that is reset": (Static(data=BODY), Static(data=hex_of(BODY)).but(cut_after=10, reset=True)),
    "by 500": (Static(data=BODY), Answer(status=500)),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_an_upstream_says_wrongly_of_a_jar_is_never_entered(
    tmp_path: Path, upstream: ScriptedUpstream, lie: str
) -> None:
    jar, checksum = LIES[lie]
    upstream.script(f"/{JAR}", jar)
    if checksum is not None:
        upstream.script(f"/{JAR}.sha1", checksum)
    with Server(tmp_path, maven_proxy(upstream.url, *PATIENT)) as server:
        refusal(server, JAR)
        assert (blobs(server), incoming(server)) == ([], [])
        upstream.script(f"/{JAR}", Static(data=BODY, etag='"2"'))
        upstream.script(f"/{JAR}.sha1", Static(data=hex_of(BODY)))
        assert eventually(server, JAR) == BODY
        assert server.get(f"/central/{JAR}.sha1").body == hex_of(BODY)
        assert server.run("fsck").returncode == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_checksum_that_an_upstream_hides_is_none(tmp_path: Path, upstream: ScriptedUpstream, status: int) -> None:
    upstream.static(f"/{JAR}", BODY)
    upstream.handler = lambda _: (status, {}, b"")  # for all that it does not have
    with Server(tmp_path, maven_proxy(upstream.url, *PATIENT)) as server:
        assert server.get(f"/central/{JAR}").body == BODY
        assert upstream.count(f"/{JAR}.sha1") == 1
        assert server.get(f"/central/{JAR}.sha1").body == hex_of(BODY), "clients are told what it is"


@pytest.mark.parametrize("policy", ["warn", "ignore"])
def test_what_need_not_be_right_is_told_to_the_log_or_to_nobody(
    tmp_path: Path, upstream: ScriptedUpstream, policy: str
) -> None:
    upstream.static(f"/{JAR}", BODY)
    upstream.static(f"/{JAR}.sha1", WRONG)
    with Server(tmp_path, maven_proxy(upstream.url, f'checksum_policy = "{policy}"')) as server:
        assert server.get(f"/central/{JAR}").body == BODY
        assert server.get(f"/central/{JAR}.sha1").body == hex_of(BODY), "clients are told what it is"
        assert (WRONG.decode() in server.log.read_text()) is (policy == "warn")
        assert upstream.count(f"/{JAR}.sha1") == (policy == "warn")


PAGES = {
    "jar": (JAR, BODY),
    "POM": (POM, pom("org.acme", "lib", "1.0")),
    "snapshot": (MUTABLE, BODY),
    "checksum": (f"{JAR}.sha1", hex_of(BODY)),
    "metadata": (METADATA, metadata("1.0")),
    "catalog": ("archetype-catalog.xml", b"<archetype-catalog/>"),
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_web_page_is_taken_for_none_of_them(tmp_path: Path, upstream: ScriptedUpstream, kind: str) -> None:
    path, right = PAGES[kind]
    upstream.handler = lambda _: (200, {"Content-Type": "text/html"}, PAGE)
    with Server(tmp_path, maven_proxy(upstream.url, *PATIENT)) as server:
        for _ in range(2):
            assert refusal(server, path) is not None
        assert blobs(server) == []
        upstream.handler = None
        upstream.static(f"/{path}", right)
        assert eventually(server, path) == right


BOMB = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">%s]><metadata>&z;</metadata>' % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("{"))
)
DOCUMENTS = {
    "entities": BOMB,
    "an external entity": b'<!DOCTYPE m SYSTEM "file:///etc/passwd"><metadata/>',
    "11 MiB": metadata() + b" " * (11 * MIB),
    "11 MiB of one version": metadata("1" * 11 * MIB),
    "9 MiB of tags": b"<metadata>" + b"<a>" * (3 * MIB),
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?><metadata/>',
    "a codec of Python": b'<?xml version="1.0" encoding="rot13"?><metadata/>',
    "another document": b"<project/>",
    "half a document": metadata("1.0")[:-10],
    "nothing": b"",
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_hostile_metadata_harms_nobody(tmp_path: Path, upstream: ScriptedUpstream, kind: str) -> None:
    upstream.static(f"/{METADATA}", DOCUMENTS[kind])
    upstream.static(f"/{JAR}", BODY)
    with Server(tmp_path, maven_proxy(upstream.url, *PATIENT), workers=1) as server:
        begun = time.monotonic()
        for path in (METADATA, f"{METADATA}.sha1"):
            assert refusal(server, path) is not None
        assert time.monotonic() - begun < 10
        assert blobs(server) == []
        assert server.get(f"/central/{JAR}").status == 200, "nobody else notices"
        assert max(resident(pid) for pid in server.workers()) < 150_000_000


@pytest.mark.parametrize("wrong", ["500", "a page", "entities", "away"])
def test_metadata_that_is_held_outlives_what_the_upstream_gets_wrong(
    tmp_path: Path, upstream: ScriptedUpstream, wrong: str
) -> None:
    upstream.static(f"/{METADATA}", metadata("1.0"))
    with Server(tmp_path, maven_proxy(upstream.url, *PATIENT, 'ttl = "1 ms"')) as server:
        assert server.get(f"/central/{METADATA}").body == metadata("1.0")
        answers = {"500": Answer(status=500), "a page": Static(data=PAGE), "entities": Static(data=BOMB)}
        if wrong == "away":
            upstream.stop()
        else:
            upstream.script(f"/{METADATA}", answers[wrong])
        for _ in range(3):
            assert server.get(f"/central/{METADATA}").body == metadata("1.0")
            assert server.get(f"/central/{METADATA}.sha1").body == hex_of(metadata("1.0"))


# --- many clients ------------------------------------------------------------------------------------------------


def take(server: Server, path: str) -> bytes | str:
    """The body, or why there is none."""
    try:
        answered = server.get(f"/central/{path}")
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__
    return answered.body if answered.status == 200 else f"status {answered.status}"


def test_one_cold_artifact_is_one_request_and_one_for_its_checksum(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    go_on = threading.Event()
    upstream.script(f"/{JAR}", Static(data=big(), etag='"1"').but(stall_after=MIB, release=go_on))
    upstream.static(f"/{JAR}.sha1", hex_of(big()))
    with Server(tmp_path, maven_proxy(upstream.url), workers=4) as server, ThreadPoolExecutor(32) as pool:
        clients = [pool.submit(take, server, JAR) for _ in range(32)]
        upstream.wait_for(2)
        go_on.set()
        assert all(client.result() == big() for client in clients)
        assert set(pool.map(lambda kind: take(server, f"{JAR}.{kind}"), ["sha1"] * 8)) == {hex_of(big())}
        assert (upstream.count(f"/{JAR}"), upstream.count(f"/{JAR}.sha1"), len(upstream.requests)) == (1, 1, 2)
        assert max(resident(pid) for pid in server.workers()) < 120_000_000
        assert server.run("fsck").returncode == 0


def test_followers_survive_the_death_of_the_worker_that_leads(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    whole, half = Static(data=big(), etag='"1"'), len(big()) // 2
    upstream.script(f"/{JAR}", whole.but(stall_after=half), whole)
    upstream.static(f"/{JAR}.sha1", hex_of(big()))
    with Server(tmp_path, maven_proxy(upstream.url), workers=4) as server, ThreadPoolExecutor(16) as pool:
        connections = spread(server, 3)
        clients = {pool.submit(read_on, connection): pid for connection, pid in connections}
        leader = writer_of(server, half)
        os.kill(leader, signal.SIGKILL)
        taken = {client: client.result() for client in clients}
        for client, pid in clients.items():
            assert taken[client] == (None if pid == leader else big())
        assert server.get(f"/central/{JAR}.sha1").body == hex_of(big())
        assert server.get(f"/central/{JAR}").headers["x-checksum-md5"].encode() == hex_of(big(), "md5")
        ranged = [seen.headers["range"] for seen in upstream.requests if "range" in seen.headers]
        assert ranged == [f"bytes={half}-"]
        assert server.run("fsck").returncode == 0


def read_on(connection: http.client.HTTPConnection) -> bytes | None:
    """The jar; None when the connection was cut."""
    try:
        connection.request("GET", f"/central/{JAR}")
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else str(answer.status).encode()
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


# --- deploying ---------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 24) as folder:
        yield folder


def deployment(artifact: str, version: str, size: int) -> dict[str, bytes]:
    """The files of a release in the order in which Maven deploys them, with their checksum files."""
    chance = random.Random(f"{artifact} {version}")
    files = {
        path_of("org.acme", artifact, version, ".jar"): chance.randbytes(size),
        path_of("org.acme", artifact, version, ".pom"): pom("org.acme", artifact, version),
        path_of("org.acme", artifact, version, "-sources.jar"): chance.randbytes(size // 10),
    }
    return checksummed(files)


def listed(server: Server, artifact: str) -> set[str]:
    answered = server.get(f"/releases/org/acme/{artifact}/maven-metadata.xml")
    assert answered.status in (200, 404)
    return set(re.findall("<version>(.*?)</version>", answered.body.decode())) if answered.status == 200 else set()


def is_whole(server: Server, artifact: str, version: str, size: int) -> None:
    """Each file that was deployed is there as it was, and what is told of its checksum is right."""
    for path, data in deployment(artifact, version, size).items():
        assert server.get(f"/releases/{path}").body == data, path


def test_a_full_disk_leaves_what_stands_and_nothing_half(disk: Path) -> None:
    with Server(disk, maven_hosted()) as server:
        for path, data in deployment("small", "1.0", MIB).items():
            assert server.request("PUT", f"/releases/{path}", data).status == 201
        path = path_of("org.acme", "large", "1.0", ".jar")
        described = path_of("org.acme", "large", "1.0", ".pom")
        assert server.request("PUT", f"/releases/{described}", pom("org.acme", "large", "1.0")).status == 201
        refused = server.request("PUT", f"/releases/{path}", bytes(40 * MIB))
        assert refused.status == 507
        assert b"free some space" in refused.body
        assert incoming(server) == [], "the room is given back"
        assert server.get(f"/releases/{path}").status == 404
        assert listed(server, "large") == set()
        is_whole(server, "small", "1.0", MIB)
        assert listed(server, "small") == {"1.0"}
        for later, data in deployment("small", "1.1", MIB).items():
            assert server.request("PUT", f"/releases/{later}", data).status == 201, "what fits is taken"
        assert listed(server, "small") == {"1.0", "1.1"}
        assert server.run("fsck").returncode == 0


CLIENTS, EACH, SIZE = 8, 6, 200_000


@dataclass
class Deployer:
    """A client that deploys its releases file by file, each until it is acknowledged, come what may."""

    server: Server
    name: int
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # artifact and version of whole releases
    files: dict[str, bytes] = field(default_factory=dict)  # each that was acknowledged

    def run(self) -> None:
        for number in range(EACH):
            artifact = "shared" if number % 2 else f"own{self.name}"
            version = f"1.{self.name}.{number}"
            for path, data in deployment(artifact, version, SIZE).items():
                self.until_it_is_there(path, data)
            self.acknowledged.append((artifact, version))

    def until_it_is_there(self, path: str, data: bytes) -> None:
        deadline = time.monotonic() + 120
        while (status := self.put(path, data)) not in (200, 201):
            assert time.monotonic() < deadline, f"{path}: {status}"
            assert status in (None, 503), f"{path}: {status}"
            threading.Event().wait(0.02)  # until the server is there again
        self.files[path] = data

    def put(self, path: str, data: bytes) -> int | None:
        try:
            return self.server.request("PUT", f"/releases/{path}", data).status
        except (OSError, http.client.HTTPException):
            return None


def test_what_was_acknowledged_survives_kills_of_the_whole_server(tmp_path: Path) -> None:
    chance = random.Random(3)
    with Server(tmp_path, maven_hosted(), server="access_log = false") as server:
        deployers = [Deployer(server, name) for name in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(deployer.run) for deployer in deployers]
            kills = 0
            while not all(each.done() for each in running) or kills < 5:
                threading.Event().wait(chance.uniform(0.1, 0.6))  # the moment is the point
                told = {path: data for each in deployers for path, data in list(each.files.items())}
                server.kill_all()
                server.start()
                kills += 1
                for path in chance.sample(sorted(told), min(5, len(told))):
                    assert server.get(f"/releases/{path}").body == told[path], path
                for artifact in ("shared", "own0"):
                    names_only_what_is_there(server, artifact)
            for each in running:
                each.result()
        releases = [release for deployer in deployers for release in deployer.acknowledged]
        assert len(releases) == CLIENTS * EACH
        for artifact in {artifact for artifact, _ in releases}:
            assert listed(server, artifact) == {version for name, version in releases if name == artifact}
        for artifact, version in releases:
            is_whole(server, artifact, version, SIZE)
        assert incoming(server) == [] or all(file.name.startswith("u-") for file in incoming(server))
        checked = server.run("fsck")
        assert checked.returncode == 0, checked.stdout + checked.stderr


def names_only_what_is_there(server: Server, artifact: str) -> None:
    for version in listed(server, artifact):
        for ending in (".jar", ".pom"):
            path = path_of("org.acme", artifact, version, ending)
            answered = server.get(f"/releases/{path}")
            assert answered.status == 200, path
            assert answered.headers["x-checksum-sha1"].encode() == hex_of(answered.body)


def test_a_client_that_leaves_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with Server(tmp_path, maven_hosted()) as server:
        for ending in ("leaves", "dies with the server"):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.putrequest("PUT", f"/releases/{JAR}")
            login = base64.b64encode(f"admin:{server.admin_password}".encode()).decode()
            connection.putheader("Authorization", f"Basic {login}")
            connection.putheader("Content-Length", str(len(BODY)))
            connection.endheaders(BODY[: len(BODY) // 2])
            while not (files := incoming(server)):
                threading.Event().wait(0.005)
            if ending != "leaves":
                server.kill_all()
                server.start()
            connection.close()
            while ending == "leaves" and any(file.exists() for file in files):
                threading.Event().wait(0.005)
            for path in (JAR, f"{JAR}.sha1"):
                assert server.get(f"/releases/{path}").status == 404
        assert server.request("PUT", f"/releases/{JAR}", BODY).status == 201
        assert server.run("fsck").returncode == 0
