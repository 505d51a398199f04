"""A host of git repositories on loopback: the real ``git http-backend`` behind TLS, with go-import pages and a log.

::

    with GitServer(tmp_path / "git", Authority(tmp_path)) as server:
        hello = server.repository("team/hello")         # the module git.corp.example/team/hello
        hello.commit({"go.mod": "…"}, tag="v1.0.0")
        with server.proxy() as proxy:                   # the host name is known to this HTTP proxy alone
            ...
        server.requests                                 # [Seen(path="/team/hello?go-get=1", login=("ci", "token"))]
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.support.certs import Authority
from tests.support.proxies import HttpProxy

HOST = "git.corp.example"
FIRST_COMMIT = 1_700_000_000  # UTC seconds: 2023-11-14 22:13:20; each commit is a minute later than the one before


@dataclass(frozen=True, slots=True)
class Seen:
    """A request: its target, and who it said it was."""

    path: str
    login: tuple[str, str] | None


class GitRepository:
    """A repository with a work tree, served from where it lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._commits = 0
        self.git("init", "-q", "-b", "main")

    def commit(self, files: Mapping[str, str | bytes], *tags: str) -> str:
        """The full hash of a new commit on the branch that is checked out, which adds or changes these files."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        self._commits += 1
        for tag in tags:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """What git prints. Fails when it fails."""
        date = f"{FIRST_COMMIT + 60 * self._commits} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _person(date).items()},
        }
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout


def _person(date: str) -> dict[str, str]:
    return {"NAME": "An Author", "EMAIL": "author@corp.example", "DATE": date}


class GitServer:
    """``login``: the user name and password that it wants, when it wants any. ``statuses``: paths, without query, or
    "*" for all, that answer with this status whatever is there."""

    def __init__(self, folder: Path, authority: Authority, login: tuple[str, str] | None = None) -> None:
        self.requests: list[Seen] = []
        self.login = login
        self.statuses: dict[str, int] = {}
        self.pages: dict[str, bytes] = {}  # path of a package → its go-import page, when it is not the usual one
        self.arrived = threading.Event()  # a request has come
        self._released = threading.Event()
        self._released.set()
        self._folder = folder
        self.repositories: dict[str, GitRepository] = {}  # path → what is there
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        context = authority.issue(HOST).server_context()
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._http.shutdown()
        self._http.server_close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def repository(self, path: str) -> GitRepository:
        """A new repository at ``path``, the root of the module ``HOST/path``."""
        self.repositories[path] = GitRepository(self._folder / path)
        return self.repositories[path]

    def proxy(self) -> HttpProxy:
        """An HTTP proxy, not yet entered, that knows where the host is."""
        return HttpProxy({HOST: ("127.0.0.1", self.port)})

    def hold(self) -> None:
        """Requests wait from now on."""
        self.arrived.clear()
        self._released.clear()

    def release(self) -> None:
        """Requests go on."""
        self._released.set()

    def answer(self, target: str, login: tuple[str, str] | None, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.requests.append(Seen(target, login))
        self.arrived.set()
        self._released.wait(60)
        url = urlsplit(target)
        status = self.statuses.get(url.path, self.statuses.get("*"))
        if status is not None:
            _say(handler, status, b"as the test wants it\n")
        elif self.login is not None and login != self.login:
            _say(handler, 401, b"who are you?\n")
        elif url.query == "go-get=1":
            self._page(url.path.strip("/"), handler)
        else:
            self._backend(url.path, url.query, handler)

    def _page(self, package: str, handler: BaseHTTPRequestHandler) -> None:
        """Where the repository of a package is, as cmd/go asks for it ("Remote import paths")."""
        if package in self.pages:
            _say(handler, 200, self.pages[package])
            return
        root = next((path for path in self.repositories if f"{package}/".startswith(f"{path}/")), None)
        if root is None:
            _say(handler, 404, b"no such package\n")
            return
        meta = f'<meta name="go-import" content="{HOST}/{root} git https://{HOST}/{root}.git">'
        _say(handler, 200, f"<html><head>{meta}</head></html>".encode())

    def _backend(self, path: str, query: str, handler: BaseHTTPRequestHandler) -> None:
        root, _, rest = path.lstrip("/").partition(".git/")
        if root not in self.repositories:
            _say(handler, 404, b"no such repository\n")
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": handler.command,
            "PATH_INFO": f"/{root}/.git/{rest}",
            "QUERY_STRING": query,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
        }
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, timeout=60, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n"))
        _say(handler, int(fields.pop("Status", "200 OK").split()[0]), content, fields)


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self.path, _login(self.headers.get("Authorization", "")), self)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Requests are noted by the server."""

    return Handler


def _login(field: str) -> tuple[str, str] | None:
    scheme, _, value = field.partition(" ")
    if scheme.lower() != "basic":
        return None
    username, _, password = base64.b64decode(value).decode().partition(":")
    return username, password


def _say(handler: BaseHTTPRequestHandler, status: int, body: bytes, fields: Mapping[str, str] | None = None) -> None:
    handler.send_response(status)
    if status == 401:
        handler.send_header("WWW-Authenticate", 'Basic realm="git"')
    for name, value in (fields or {"Content-Type": "text/html"}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
