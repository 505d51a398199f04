from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mxart.cli.discover import is_absent
from mxart.cli.probe import status


class _Answers(BaseHTTPRequestHandler):
    """``/404`` is answered with 404; ``/to/404`` leads there; ``/nonsense`` is no HTTP."""

    def do_GET(self) -> None:
        if self.path == "/nonsense":
            self.wfile.write(b"what?\r\n\r\n")
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to"))
            self.end_headers()
        else:
            self.send_response(int(self.path[1:]))
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The base URL of a server that answers as it is asked to."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of somebody who listens, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/200", 200), ("/404", 404), ("/410", 410), ("/503", 503), ("/to/404", 404), ("/to/200", 200), ("/nonsense", 0)],
)
def test_status(url: str, path: str, expected: int) -> None:
    assert status(url + path) == expected


@pytest.mark.parametrize("nowhere", ["", "x", "http://", "http://[", "http://127.0.0.1:1/", "http://127.0.0.1:x/"])
def test_no_answer(nowhere: str) -> None:
    assert status(nowhere) == 0


@pytest.mark.parametrize(
    ("path", "absent"), [("/200", False), ("/404", True), ("/410", True), ("/403", False), ("/503", False)]
)
def test_only_who_says_so_is_absent(url: str, path: str, absent: bool) -> None:
    assert is_absent(url + path, os.environ) is absent


def test_nobody_waits_for_ever(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxart.cli.discover._TIME_LIMIT", 0.5)
    assert is_absent(silent, os.environ) is False
