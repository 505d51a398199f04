"""Publishing, with the whole server killed at random moments and with publishers in each other's way."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.modules import Module
from tests.support.server import Server

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

CLIENTS, EACH = 8, 25
DEADLINE = 120.0  # seconds for one publication, kills included
HOSTED = """
[[repository]]
name = "go-internal"
format = "go"
kind = "hosted"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", HOSTED, workers=2, server="access_log = false") as server:
        yield server


def path_of(module: Module, kind: str) -> str:
    return f"/go-internal/{module.path}/@v/{module.version}.{kind}"


@dataclass
class Publisher:
    """A client that publishes its modules one after the other, each until it is acknowledged, come what may."""

    server: Server
    modules: list[Module]
    password: str
    acknowledged: list[Module] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    cut: int = 0  # requests that nobody answered

    def run(self) -> None:
        for module in self.modules:
            deadline = time.monotonic() + DEADLINE
            while (status := self.put(module)) not in (200, 201):
                assert time.monotonic() < deadline, f"{module.version}: {status}"
                if status is None:
                    self.cut += 1
                    threading.Event().wait(0.02)  # until the server is there again
                else:
                    assert status in (503, 507), status
            self.acknowledged.append(module)

    def put(self, module: Module) -> int | None:
        """The status of the answer, None when the connection broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        login = base64.b64encode(f"admin:{self.password}".encode()).decode()
        try:
            connection.request("PUT", path_of(module, "zip"), module.zip, {"Authorization": f"Basic {login}"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        self.statuses.add(status)
        return status


def modules_of(client: int) -> list[Module]:
    """Versions of a module that all clients share, and of one of its own; the zips of some KiB to some hundred KiB."""
    chance = random.Random(client)
    made = []
    for number in range(EACH):
        path = "corp.example.com/shared" if number % 2 else f"corp.example.com/own{client}"
        files: dict[str, str | bytes] = {"data.bin": chance.randbytes(chance.choice([1000, 20_000, 400_000]))}
        made.append(Module(path, f"v1.{client}.{number}", files))
    return made


def raced(version: str, client: int) -> Module:
    return Module("corp.example.com/race", version, {"a.txt": f"by {client}"})


def listed(server: Server, module: str) -> set[str]:
    answer = server.get(f"/go-internal/{module}/@v/list")
    return set(answer.body.decode().split()) if answer.status == 200 else set()


def is_whole(server: Server, module: Module) -> None:
    """The three files are there, and are what was published."""
    assert server.get(path_of(module, "zip")).body == module.zip
    assert server.get(path_of(module, "mod")).body == module.gomod
    assert json.loads(server.get(path_of(module, "info")).body)["Version"] == module.version


def test_what_was_acknowledged_survives_kills_of_the_whole_server(server: Server) -> None:
    password = (server.data / "admin-password").read_text().strip()
    publishers = [Publisher(server, modules_of(client), password) for client in range(CLIENTS)]
    chance = random.Random(3)
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(publisher.run) for publisher in publishers]
        kills = 0
        while not all(each.done() for each in running) or kills < 5:
            threading.Event().wait(chance.uniform(0.05, 0.5))  # the moment is the point
            told = [module for publisher in publishers for module in list(publisher.acknowledged)]
            server.kill_all()
            server.start()
            kills += 1
            for module in chance.sample(told, min(3, len(told))):
                is_whole(server, module)
        for each in running:
            each.result()
    told = [module for publisher in publishers for module in publisher.acknowledged]
    assert len(told) == CLIENTS * EACH
    for name in {module.path for module in told}:
        assert listed(server, name) == {module.version for module in told if module.path == name}
    for module in told:
        is_whole(server, module)
    checked = server.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_version_that_was_cut_off_is_not_there_in_part(server: Server) -> None:
    """A client that leaves in the middle, and one that is alone when the server dies in the middle."""
    module = Module("corp.example.com/cut", "v1.0.0", {"data.bin": random.Random(1).randbytes(300_000)})
    login = base64.b64encode(f"admin:{(server.data / 'admin-password').read_text().strip()}".encode()).decode()
    for end in ("leave", "kill"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.putrequest("PUT", path_of(module, "zip"))
        connection.putheader("Authorization", f"Basic {login}")
        connection.putheader("Content-Length", str(len(module.zip)))
        connection.endheaders(module.zip[: len(module.zip) // 2])
        while not (incoming := list((server.data / "incoming").iterdir())):
            threading.Event().wait(0.005)
        if end == "kill":
            server.kill_all()
            server.start()
        connection.close()
        while end == "leave" and any(file.exists() for file in incoming):
            threading.Event().wait(0.005)
        assert [server.get(path_of(module, kind)).status for kind in ("zip", "mod", "info")] == [404] * 3
        assert listed(server, module.path) == set()
    assert server.run("fsck").returncode == 0


def test_of_many_who_publish_one_version_at_once_one_wins(server: Server) -> None:
    password = (server.data / "admin-password").read_text().strip()
    versions = [f"v1.0.{number}" for number in range(10)]
    contents = [
        [Module("corp.example.com/race", v, {"a.txt": f"by {client}"}) for v in versions] for client in range(4)
    ]
    publishers = [Publisher(server, modules, password) for modules in contents]

    def race(publisher: Publisher) -> list[int | None]:
        return [publisher.put(module) for module in publisher.modules]

    with ThreadPoolExecutor(len(publishers)) as pool:
        outcomes = list(pool.map(race, publishers))
    for number, version in enumerate(versions):
        won = [client for client, statuses in enumerate(outcomes) if statuses[number] == 201]
        assert len(won) == 1, (version, [statuses[number] for statuses in outcomes])
        assert {statuses[number] for statuses in outcomes} == {201, 409}
        is_whole(server, contents[won[0]][number])
    assert listed(server, "corp.example.com/race") == set(versions)
    assert server.run("fsck").returncode == 0
