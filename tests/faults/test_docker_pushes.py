"""Pushes that are cut: the server killed between the pieces of a blob, in one of them, at any moment; the disk full."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.connections import eventually, spread
from tests.support.disk import small_disk
from tests.support.images import Blob, Image, image
from tests.support.registryclient import Cut, Refused, RegistryClient, Way
from tests.support.server import Server, docker_hosted

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

MIB = 1 << 20
BASE = "/v2/images"
LAYER = Blob("application/vnd.oci.image.layer.v1.tar", random.Random(1).randbytes(8 * MIB))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", docker_hosted(), workers=2, server="access_log = false") as server:
        yield server


def client_of(server: Server, base: str = BASE, *, tokens: bool = False) -> RegistryClient:
    return RegistryClient(server.port, base, ("admin", server.admin_password), tokens=tokens)


def incoming(server: Server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


def is_clean(server: Server) -> None:
    checked = server.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert incoming(server) == []


def restart(server: Server, client: RegistryClient) -> None:
    """kill -9 of everything, which starts again; the client finds out."""
    server.kill_all()
    server.start()
    client.connection.close()


@pytest.mark.parametrize("tokens", [False, True])
def test_a_push_goes_on_where_it_was_when_the_server_was_killed_between_its_pieces(
    server: Server, *, tokens: bool
) -> None:
    step = 3 * MIB
    with client_of(server, tokens=tokens) as client:
        place = client.begin("app")
        for first in range(0, len(LAYER.data), step):
            place = client.append(place, LAYER.data[first : first + step], first)
            restart(server, client)
            place, size = client.where(place)
            assert size == min(first + step, len(LAYER.data))
        client.finish(place, LAYER.digest)
        assert client.blob("app", LAYER.digest) == LAYER.data
    is_clean(server)


def test_a_push_goes_on_where_it_was_when_the_server_was_killed_in_the_middle_of_a_piece(server: Server) -> None:
    with client_of(server) as client:
        place, size = client.begin("app"), 0
        for _ in range(3):
            broken_off(server, client, place, size)
            restart(server, client)
            place, came = client.where(place)
            assert came > size, "what has come is kept"
            size = came
        place = client.append(place, LAYER.data[size:], size)
        client.finish(place, LAYER.digest)
        assert client.blob("app", LAYER.digest) == LAYER.data
    is_clean(server)


def broken_off(server: Server, client: RegistryClient, place: str, size: int) -> None:
    """A piece is under way, of which the rest never comes; more than a MiB of it has."""
    client.connection.close()
    client.connection.putrequest("PATCH", place)
    client.connection.putheader("Authorization", client.basic)
    client.connection.putheader("Content-Length", str(len(LAYER.data) - size))
    client.connection.endheaders(LAYER.data[size : size + 2 * MIB])
    (file,) = incoming(server)
    eventually(lambda: file.stat().st_size > size + MIB, "a MiB of the piece")


def test_a_push_goes_on_when_its_client_was_cut_off(server: Server) -> None:
    """The server lives, and the worker has what came."""
    with client_of(server) as client, client_of(server) as next_one:
        place = client.begin("app")
        broken_off(server, client, place, 0)
        client.connection.close()
        place, size = settled(next_one, place)
        next_one.finish(next_one.append(place, LAYER.data[size:], size), LAYER.digest)
        assert next_one.blob("app", LAYER.digest) == LAYER.data
    is_clean(server)


def settled(client: RegistryClient, place: str) -> tuple[str, int]:
    """Where the upload is, once the request that was at it has ended."""
    found: list[tuple[str, int]] = []

    def free() -> bool:
        try:
            found.append(client.where(place))
        except Refused as refused:
            assert refused.status == 409, refused
        return bool(found)

    eventually(free, "the end of the request that was cut off")
    return found[0]


def test_the_pieces_of_a_push_may_come_to_any_worker(server: Server) -> None:
    with client_of(server) as client:
        (one, first_worker), (other, second_worker) = spread(server, 1)
        assert first_worker != second_worker
        place, step = client.begin("app"), MIB - 1
        for number, first in enumerate(range(0, len(LAYER.data), step)):
            client.connection = (one, other)[number % 2]
            place = client.append(place, LAYER.data[first : first + step], first)
            client.connection = (one, other)[number // 2 % 2]
            place, size = client.where(place)
            assert size == min(first + step, len(LAYER.data))
        client.finish(place, LAYER.digest)
        for client.connection in (one, other):
            assert client.blob("app", LAYER.digest) == LAYER.data
            client.connection.close()
    is_clean(server)


def test_what_is_wrong_in_the_end_is_not_there(server: Server) -> None:
    """Also when it has come in pieces to two workers and a killed server between."""
    with client_of(server) as client:
        place = client.append(client.begin("app"), LAYER.data[:MIB])
        restart(server, client)
        place, size = client.where(place)
        place = client.append(place, LAYER.data[size + 1 :])  # a byte was lost, and nothing said where it belongs
        with pytest.raises(Refused) as refused:
            client.finish(place, LAYER.digest)
        assert (refused.value.status, refused.value.codes) == (400, ["DIGEST_INVALID"])
        assert not client.has_blob("app", LAYER.digest)
        with pytest.raises(Refused) as refused:
            client.where(place)
        assert (refused.value.status, refused.value.codes) == (404, ["BLOB_UPLOAD_UNKNOWN"])
    assert [file for file in (server.data / "blobs").rglob("*") if file.is_file()] == []
    is_clean(server)


# --- killed at any moment ----------------------------------------------------------------------------------------

CLIENTS, EACH = 8, 12
DEADLINE = 120.0  # seconds for one image, kills included
WAYS: tuple[Way, ...] = ("whole", "put", "stream", "chunks")


@dataclass
class Pusher:
    """A client that pushes its images one after the other, each until it is acknowledged, come what may."""

    client: RegistryClient
    number: int
    acknowledged: dict[str, Image] = field(default_factory=dict)  # by tag
    cuts: int = 0

    def run(self) -> None:
        chance = random.Random(self.number)
        with self.client:
            for number in range(EACH):
                tag = f"{self.number}-{number}"
                made = image(tag, docker=bool(number % 2), padding=chance.choice([1000, 50_000, 400_000]))
                self._push(tag, made, chance.choice(WAYS))
                self.acknowledged[tag] = made

    def _push(self, tag: str, made: Image, way: Way) -> None:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                return self.client.push("app", tag, made, way)
            except Cut:
                self.cuts += 1
                assert time.monotonic() < deadline, tag
                threading.Event().wait(0.02)  # until the server is there again


def test_what_was_acknowledged_is_whole_after_kills_of_the_whole_server(server: Server) -> None:
    pushers = [Pusher(client_of(server, tokens=number % 2 == 0), number) for number in range(CLIENTS)]
    chance = random.Random(3)
    with ThreadPoolExecutor(CLIENTS) as pool, client_of(server) as reader:
        running = [pool.submit(pusher.run) for pusher in pushers]
        kills = 0
        while not all(each.done() for each in running) or kills < 5:
            threading.Event().wait(chance.uniform(0.05, 0.5))  # the moment is the point
            told = [item for pusher in pushers for item in list(pusher.acknowledged.items())]
            restart(server, reader)
            kills += 1
            for tag, made in chance.sample(told, min(3, len(told))):
                assert reader.pull("app", tag) == made.digest
        for each in running:
            each.result()
        acknowledged = {tag: made for pusher in pushers for tag, made in pusher.acknowledged.items()}
        assert len(acknowledged) == CLIENTS * EACH
        assert sum(pusher.cuts for pusher in pushers) > 0
        assert reader.tags("app") == [sorted(acknowledged)]
        for tag, made in acknowledged.items():
            assert reader.pull("app", tag) == reader.pull("app", made.digest) == made.digest
    checked = server.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr


# --- no room -----------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 24) as folder:
        yield folder


TOO_LARGE = Blob(LAYER.media_type, random.Random(2).randbytes(40 * MIB))


@pytest.mark.parametrize("way", WAYS)
def test_a_push_to_a_full_disk_is_refused_and_leaves_nothing(disk: Path, way: Way) -> None:
    small = image("fits", padding=MIB)
    with Server(disk, docker_hosted(), server="access_log = false") as server, client_of(server) as client:
        client.push("app", "1", small)
        with pytest.raises(Refused) as refused:
            client.push_blob("app", TOO_LARGE, way)
        assert (refused.value.status, len(refused.value.codes)) == (507, 1)
        assert not client.has_blob("app", TOO_LARGE.digest)
        eventually(lambda: incoming(server) == [], "the room that is given back")
        assert server.get("/-/health").status == 200
        assert client.pull("app", "1") == small.digest, "what is held stays readable"
        client.push("app", "2", image("fits, too", padding=MIB), way)
        is_clean(server)
