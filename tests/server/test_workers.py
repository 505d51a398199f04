from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from mxart.settings import TlsSettings

PATIENCE = 20.0  # seconds


class Program:
    """`tests.server.program` as a process, with what it has said so far."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "configuration.json"
        self._values: dict[str, Any] = {
            "listeners": {"main": ["127.0.0.1:0"]},
            "tls": {},
            "workers": 2,
            "grace": 10,
            "label": "first",
            "prepare": "",
            "build": "",
            "load": "",
            "access_log": False,
        }
        self._said: list[str] = []
        self._news = threading.Condition()
        self.process: subprocess.Popen[str] | None = None

    def configure(self, **values: Any) -> None:
        self._values |= values
        self._file.write_text(json.dumps(self._values))

    def start(self, **values: Any) -> Program:
        self.configure(**values)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.program", str(self._file)],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=[self.process], daemon=True).start()
        return self

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._news:
                self._said.append(line)
                self._news.notify_all()

    @property
    def said(self) -> str:
        with self._news:
            return "".join(self._said)

    def wait_for(self, text: str, times: int = 1) -> str:
        """The whole log, once ``text`` has come so often."""
        with self._news:
            found = self._news.wait_for(lambda: "".join(self._said).count(text) >= times, PATIENCE)
        assert found, f"{text!r} has not been said:\n{self.said}"
        return self.said

    def serving(self, times: int = 1) -> list[str]:
        """The URLs it listens on, once ``times`` generations have begun to serve."""
        return re.findall(r"listening on (.*) with", self.wait_for("listening on", times))[-1].split(", ")

    @property
    def port(self) -> int:
        return int(self.serving()[0].rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def reload(self, **values: Any) -> None:
        self.configure(**values)
        self.signal(signal.SIGHUP)

    def exited(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def workers(self) -> set[int]:
        assert self.process is not None
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def end(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.end()


def get(connection: http.client.HTTPConnection, path: str = "/") -> dict[str, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200
    return dict(json.loads(body))


def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds, which another process makes true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_it_says_where_it_listens_serves_and_stops(program: Program) -> None:
    program.start()
    (url,) = program.serving()
    assert url == f"http://127.0.0.1:{program.port}"
    assert "with 2 workers" in program.said
    with closing(program.connect()) as connection:
        answer = get(connection)
    assert answer["pid"] in program.workers()
    assert answer["base_url"] == url
    program.signal(signal.SIGTERM)
    assert program.exited() == 0
    assert program.wait_for("stopped", 2).count("stopped") == 2
    with pytest.raises(ConnectionRefusedError):
        program.connect().connect()


def test_a_worker_that_is_killed_is_replaced(program: Program) -> None:
    program.start()
    program.serving()
    for _ in range(3):
        old = program.workers()
        with closing(program.connect()) as connection:
            victim = get(connection)["pid"]
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(program.workers()) == 2 and victim not in program.workers())  # noqa: B023
        assert old & program.workers()
        with closing(program.connect()) as connection:
            assert get(connection)["label"] == "first"
    assert "(SIGKILL)" in program.said


def test_stopping_lets_requests_finish_and_closes_idle_connections(program: Program) -> None:
    program.start(access_log=True)
    program.serving()
    with closing(program.connect()) as idle, closing(program.connect()) as busy:
        get(idle)
        get(busy)
        busy.request("GET", "/-/slow?0.5")
        program.wait_for("GET / ", 2)
        program.signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        response = busy.getresponse()
        assert (response.status, response.getheader("Connection")) == (200, "close")
    assert program.exited() == 0


def test_what_outlives_the_grace_is_cut(program: Program) -> None:
    program.start(grace=0.2)
    program.serving()
    with closing(program.connect()) as busy:
        get(busy)
        busy.request("GET", "/-/slow?60")
        program.signal(signal.SIGTERM)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            busy.getresponse()
    assert program.exited() == 0


def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    program.start(grace=60)
    program.serving()
    with closing(program.connect()) as busy:
        get(busy)
        busy.request("GET", "/-/slow?60")
        program.signal(signal.SIGINT)
        program.wait_for("stopping")
        program.signal(signal.SIGINT)
        assert program.exited() == 0


def test_workers_do_not_outlive_their_parent(program: Program) -> None:
    program.start()
    program.serving()
    orphans = program.workers()
    program.signal(signal.SIGKILL)
    program.exited()
    until(lambda: not any(Path(f"/proc/{pid}").exists() and _alive(pid) for pid in orphans))
    assert program.wait_for("stopped", 2)


def _alive(pid: int) -> bool:
    """Not a zombie that nobody has reaped yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- reload ----------------------------------------------------------------------------------------------------


class Hammer:
    """Threads that ask without a pause, each on one connection that is kept as long as the server keeps it."""

    def __init__(self, port: int, threads: int) -> None:
        self.labels: list[str] = []
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[port]) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self, port: int) -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
                while not self._stop.is_set():
                    self.labels.append(get(connection)["label"])
        except Exception as error:
            self.errors.append(error)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_reload_under_load_loses_no_request(program: Program) -> None:
    program.start()
    hammer = Hammer(program.port, 6)
    for number in range(2, 6):
        program.reload(label=f"generation {number}")
        program.serving(number)
        label = f"generation {number}"
        until(lambda: label in hammer.labels[-20:])  # noqa: B023
    hammer.stop()
    assert hammer.errors == []
    assert set(hammer.labels) >= {"first", *(f"generation {number}" for number in range(2, 6))}
    until(lambda: len(program.workers()) == 2)


def test_an_idle_connection_of_the_old_generation_has_one_more_answer(program: Program) -> None:
    program.start()
    with closing(program.connect()) as kept:
        get(kept)
        program.reload(label="second")
        program.serving(2)
        kept.request("GET", "/")
        response = kept.getresponse()
        assert json.loads(response.read())["label"] == "first"
        assert response.getheader("Connection") == "close"
        assert get(kept)["label"] == "second"


@pytest.mark.parametrize("broken", ["load", "prepare", "build"])
def test_a_reload_that_fails_leaves_everything_as_it_was(program: Program, broken: str) -> None:
    program.start()
    program.serving()
    old = program.workers()
    program.reload(label="second", **{broken: "nothing works today"})
    program.wait_for("goes on as before")
    assert "nothing works today" in program.said
    until(lambda: program.workers() == old)
    with closing(program.connect()) as connection:
        assert get(connection)["label"] == "first"
    program.reload(label="third", **{broken: ""})
    program.serving(2)
    with closing(program.connect()) as connection:
        assert get(connection)["label"] == "third"


def test_an_address_that_is_taken_leaves_everything_as_it_was(program: Program) -> None:
    program.start()
    program.serving()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        program.reload(listeners={"main": ["127.0.0.1:0", address]})
        program.wait_for("goes on as before")
    with closing(program.connect()) as connection:
        assert get(connection)["label"] == "first"


def test_reload_binds_new_addresses_and_gives_up_old_ones(program: Program, tmp_path: Path) -> None:
    program.start(listeners={"main": ["127.0.0.1:0"]})
    port = program.port
    file = tmp_path / "mxart.sock"
    program.reload(listeners={"main": [f"unix:{file}"]}, workers=1)
    assert program.serving(2) == [f"unix:{file}"]
    until(lambda: _refused(port))
    assert _ask_unix(file)["peer"] == "unix"
    program.reload(listeners={"main": ["127.0.0.1:0"]})
    program.serving(3)
    until(lambda: not file.exists())


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def _ask_unix(file: Path) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(file))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def test_generations_leave_no_descriptor_behind(program: Program) -> None:
    program.start(workers=1)
    program.serving()
    counts = []
    for number in range(2, 7):
        program.reload()
        program.serving(number)
        until(lambda: len(program.workers()) == 1)
        assert program.process is not None
        pids = (program.process.pid, *program.workers())
        counts.append([len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids])
    assert counts[1:] == counts[:-1]


def test_signals_that_come_close_together(program: Program) -> None:
    program.start()
    program.serving()
    program.reload(label="second")
    for _ in range(5):
        program.signal(signal.SIGHUP)
    with closing(program.connect()) as connection:
        until(lambda: get(connection)["label"] == "second")
    program.signal(signal.SIGHUP)
    program.signal(signal.SIGTERM)
    assert program.exited() == 0, program.said


def test_a_stop_before_the_old_generation_has_let_go(program: Program) -> None:
    program.start()
    program.serving()
    halted = program.workers().pop()
    os.kill(halted, signal.SIGSTOP)  # it cannot say that it takes no more connections
    program.reload(label="second")

    def taken_over() -> bool:
        with closing(program.connect()) as connection:
            return get(connection)["label"] == "second"

    until(taken_over)
    program.signal(signal.SIGTERM)
    program.wait_for("stopping")
    os.kill(halted, signal.SIGCONT)
    assert program.exited() == 0, program.said


# --- start -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prepare": "the disk is full"}, "the disk is full"),
        ({"build": "cannot build"}, "cannot build"),
        ({"listeners": {"main": ["256.0.0.1:80"]}}, "256.0.0.1:80"),
        ({"tls": {"main": ["/none.crt", "/none.key"]}}, "/none.crt"),
    ],
)
def test_a_start_that_fails_says_why(program: Program, values: dict[str, Any], said: str) -> None:
    program.start(**values)
    assert program.exited() == 1
    assert "cannot start" in program.wait_for(said)


def test_listeners_side_by_side(
    program: Program, tmp_path: Path, tls_settings: TlsSettings, client_tls: ssl.SSLContext
) -> None:
    file = tmp_path / "mxart.sock"
    program.start(
        listeners={"main": ["127.0.0.1:0", f"unix:{file}"], "secure": ["127.0.0.1:0 "]},
        tls={"secure": [str(tls_settings.certificate), str(tls_settings.key)]},
    )
    plain, unix, secure = program.serving()
    assert (plain[:7], unix, secure[:8]) == ("http://", f"unix:{file}", "https://")
    assert _ask_unix(file)["base_url"] == "http://localhost"
    port = int(secure.rpartition(":")[2])
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=client_tls)) as connection:
        assert get(connection)["base_url"] == secure
        connection.request("GET", "/-/size?3000000")
        assert len(connection.getresponse().read()) == 3_000_000
