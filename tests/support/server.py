"""mxart as its users run it: a process of its own with forked workers, over a folder of its own.

::

    with Server(tmp_path, go_proxy(upstream.url), workers=4) as server:
        server.get("/go/example.com/m/@v/list")
        server.request("PUT", "/go-internal/…", body, user="admin")
        server.kill_all(); server.start()          # the same port, the same store
        server.run("fsck")                         # a command of the same installation
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_START = 20.0  # seconds


def go_proxy(upstream: str, *more: str, name: str = "go") -> str:
    """A ``[[repository]]`` table: a Go proxy of ``upstream``; ``more``: further lines of it."""
    lines = ["[[repository]]", f'name = "{name}"', 'format = "go"', 'kind = "proxy"', f'upstream = "{upstream}"', *more]
    return "\n".join(lines) + "\n"


def go_hosted(name: str = "go-internal", *more: str) -> str:
    """A ``[[repository]]`` table: a hosted Go repository."""
    return "\n".join(["[[repository]]", f'name = "{name}"', 'format = "go"', 'kind = "hosted"', *more]) + "\n"


def go_group(name: str, members: Sequence[str], *more: str) -> str:
    """A ``[[repository]]`` table: a group of Go repositories."""
    listed = f"members = {json.dumps(list(members))}"
    return "\n".join(["[[repository]]", f'name = "{name}"', 'format = "go"', 'kind = "group"', listed, *more]) + "\n"


def docker_proxy(upstream: str, *more: str, name: str = "hub") -> str:
    """A ``[[repository]]`` table: a proxy of the container registry ``upstream``; ``more``: further lines of it."""
    lines = ["[[repository]]", f'name = "{name}"', 'format = "docker"', 'kind = "proxy"', f'upstream = "{upstream}"']
    return "\n".join([*lines, *more]) + "\n"


def docker_hosted(name: str = "images", *more: str) -> str:
    """A ``[[repository]]`` table: a hosted repository of container images."""
    return "\n".join(["[[repository]]", f'name = "{name}"', 'format = "docker"', 'kind = "hosted"', *more]) + "\n"


def docker_group(name: str, members: Sequence[str], *more: str) -> str:
    """A ``[[repository]]`` table: a group of repositories of container images."""
    listed = f"members = {json.dumps(list(members))}"
    return (
        "\n".join(["[[repository]]", f'name = "{name}"', 'format = "docker"', 'kind = "group"', listed, *more]) + "\n"
    )


def free_port() -> int:
    """A port of loopback that stays free while a server is down: the system gives it to no outgoing connection."""
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(first_given, 20_000))
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer."""

    status: int
    headers: dict[str, str] = field(repr=False)  # lower-case names
    body: bytes = field(repr=False)


class Server:
    """One installation: a folder with mxart.toml and data/, and the process that serves it."""

    def __init__(
        self, folder: Path, config: str, *, workers: int = 2, server: str = "", environ: dict[str, str] | None = None
    ) -> None:
        """``config``: the tables after ``[server]``; ``server``: further lines of that one."""
        self.folder = folder
        self.port = free_port()
        self.config = folder / "mxart.toml"
        self.log = folder / "mxart.log"
        self._workers = workers
        self._server = server
        self._environ = {**os.environ, **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(config)

    # --- life ------------------------------------------------------------------------------------------------

    def configure(self, config: str) -> None:
        """Write the configuration; it counts at the next start or `reload`."""
        head = f'[server]\nlisten = ["127.0.0.1:{self.port}"]\nworkers = {self._workers}\n{self._server}\n'
        self.config.write_text(head + config)

    def start(self) -> Self:
        """True after: it answers."""
        before = self._times_taken_over()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mxart", "--config", str(self.config)],
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_taken_over(before)
        return self

    def _wait_taken_over(self, before: int) -> None:
        """Return once one more generation serves than ``before``."""
        deadline = time.monotonic() + _START
        while self._times_taken_over() == before:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"mxart does not serve:\n{self.log.read_text()}")
            threading.Event().wait(0.01)

    def _times_taken_over(self) -> int:
        """A generation that serves says so in the log, once the one before it has stopped accepting."""
        return self.log.read_text().count(" listening on ") if self.log.exists() else 0

    def stop(self) -> int:
        """True after: it has stopped as SIGTERM asks it to. Returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """kill -9 of every process at once."""
        workers = self.workers()
        process, self._process = self._process, None
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while any(_lives(pid) for pid in workers):  # nobody waits for them, and they hold the port to their last breath
            threading.Event().wait(0.005)

    def reload(self) -> None:
        """SIGHUP; a new generation of workers has taken over after the call."""
        before = self._times_taken_over()
        self.signal(signal.SIGHUP)
        self._wait_taken_over(before)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- use -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def get(self, path: str, *, method: str = "GET", timeout: float = 60.0, **headers: str) -> Answered:
        """One request on a connection of its own. Raises http.client.IncompleteRead when the answer was cut."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask(method, path, fields, b"", timeout=timeout)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, fields, answer.read())
        finally:
            connection.close()

    @property
    def admin_password(self) -> str:
        """Of the user admin, as the first start made it."""
        return (self.data / "admin-password").read_text().strip()

    def request(
        self, method: str, path: str, body: bytes = b"", *, user: str = "admin", password: str | None = None
    ) -> Answered:
        """One request with a body, by ``user``; "": by nobody. ``password``: None for the right one."""
        headers = {"Content-Length": str(len(body))}
        if user:
            given = self.admin_password if password is None else password
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{given}".encode()).decode()
        return self._ask(method, path, headers, body, timeout=60.0)

    def run(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """A command of this installation: ``run("fsck")``."""
        return subprocess.run(
            [sys.executable, "-m", "mxart", "--config", str(self.config), *arguments],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def _lives(pid: int) -> bool:
    """Whether any thread of the process may hold its files still; its first one may be a zombie before the others."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident(pid: int) -> int:
    """Bytes of memory that the process has had resident at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)
