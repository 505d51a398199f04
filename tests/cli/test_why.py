from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from mxart.cli import main
from tests.cli.configurations import MANY_NAMES

EXPLAINED = {
    "url": "http://example.org/go/m/@v/list",
    "repository": "go",
    "status": 200,
    "cache_status": "mxart; hit",
    "summary": "It is held.",
    "trail": [
        {"step": "mount", "repository": "go"},
        {"step": "cache", "state": "fresh", "age": 1.23456, "stored": True, "reason": None, "words": "two words"},
    ],
}
REPORT = """\
http://example.org/go/m/@v/list
  It is held.

  repository    go
  status        200
  Cache-Status  mxart; hit

   1. mount  repository=go
   2. cache  state=fresh  age=1.235  stored=yes  reason=none  words="two words"
"""

Answer = tuple[int, dict[str, str], bytes]


class Scripted:
    """A server that gives one answer, and remembers what it was asked."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.asked: list[tuple[str, str]] = []  # target, Authorization
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(status, headers, body))
        self.port = self._http.server_port

    def _handler(self, status: int, headers: dict[str, str], body: bytes) -> type[BaseHTTPRequestHandler]:
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


Ask = Callable[..., tuple[Result, Scripted]]


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def explained(**changes: object) -> bytes:
    return json.dumps(EXPLAINED | changes).encode()


GOOD: Answer = (200, {}, explained())


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory has a configuration, and a store whose first start has been."""
    monkeypatch.chdir(tmp_path)
    Path("mxart.toml").write_text(MANY_NAMES)
    Path("data").mkdir()
    Path("data/admin-password").write_text("of the first start\n")


@pytest.fixture
def ask() -> Ask:
    """Runs ``mxart why`` against a server that gives one answer."""

    def run(*arguments: str, answer: Answer = GOOD, typed: str | None = None) -> tuple[Result, Scripted]:
        server = Scripted(*answer)
        with server.serving():
            url = f"http://127.0.0.1:{server.port}/go/m/@v/list?a=b&c=%20"
            return CliRunner().invoke(main, ["why", url, *arguments], input=typed), server

    return run


def test_prints_the_trail(ask: Ask) -> None:
    result, _ = ask()
    assert (result.exit_code, result.stdout, result.stderr) == (0, REPORT, "")


def test_prints_json(ask: Ask) -> None:
    result, _ = ask("--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == EXPLAINED


def test_asks_for_the_whole_url_as_the_admin_of_the_store(ask: Ask) -> None:
    _, server = ask()
    query = f"http%3A%2F%2F127.0.0.1%3A{server.port}%2Fgo%2Fm%2F%40v%2Flist%3Fa%3Db%26c%3D%2520"
    assert server.asked == [(f"/-/api/v1/why?url={query}", basic("admin", "of the first start"))]


def test_password_from_a_file(ask: Ask) -> None:
    Path("secret").write_text("pässwörd\nsecond line\n")
    _, server = ask("--user", "ada", "--password-file", "secret")
    assert server.asked[0][1] == basic("ada", "pässwörd")


def test_a_password_file_that_is_no_text(ask: Ask) -> None:
    Path("secret").write_bytes(b"\xff\xfe\n")
    result, server = ask("--password-file", "secret")
    assert (result.exit_code, server.asked) == (2, [])
    assert "secret cannot be read as text" in result.stderr


def test_password_from_a_prompt_when_another_asks(ask: Ask) -> None:
    result, server = ask("--user", "ada", typed="typed\n")
    assert server.asked[0][1] == basic("ada", "typed")
    assert "Password of ada" in result.stderr
    assert "typed" not in result.output


def test_password_from_a_prompt_when_there_is_no_file(ask: Ask) -> None:
    Path("data/admin-password").unlink()
    _, server = ask(typed="typed\n")
    assert server.asked[0][1] == basic("admin", "typed")


def test_whoever_does_not_type_a_password_asks_nothing() -> None:
    result = CliRunner().invoke(main, ["why", "http://other.example.org/x"], input="")
    assert result.exit_code == 1
    assert "Password of admin at other.example.org" in result.stderr


def test_no_proxy_of_the_environment_gets_to_see_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Scripted(200, {}, b"{}")
    with proxy.serving():
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        result, _ = ask()
    assert result.exit_code == 0
    assert proxy.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(ask: Ask, status: int) -> None:
    elsewhere = Scripted(200, {}, explained())
    with elsewhere.serving():
        result, _ = ask(answer=(status, {"Location": f"http://127.0.0.1:{elsewhere.port}/"}, b""))
    assert result.exit_code == 1
    assert elsewhere.asked == []


ENVELOPE = json.dumps({"error": {"code": "x", "message": "Only an admin\x1b[2J may ask."}}).encode()
UNFIT = "The answer is not what an mxart server says."
FAILURES: list[tuple[Answer, str]] = [
    ((403, {}, ENVELOPE), "answers 403: Only an admin�[2J may ask."),
    ((401, {}, b"<html>"), "answers 401: Unauthorized"),
    ((500, {}, b'{"error": "x"}'), "answers 500: Internal Server Error"),
    ((404, {}, b"\xff" * 100), "answers 404: Not Found"),
    ((200, {}, b""), UNFIT),
    ((200, {}, b"<html>"), UNFIT),
    ((200, {}, b"[]"), UNFIT),
    ((200, {}, b"{}"), UNFIT),
    ((200, {}, explained(status="200")), UNFIT),
    ((200, {}, explained(trail="cache")), UNFIT),
    ((200, {}, explained(trail=["cache"])), UNFIT),
    ((200, {}, b'"' + b"x" * (5 << 20) + b'"'), UNFIT),
    ((200, {"Content-Length": "999999"}, explained()[:-20]), UNFIT),
]


@pytest.mark.parametrize(("answer", "said"), FAILURES, ids=range(len(FAILURES)))
def test_what_cannot_be_used(ask: Ask, answer: Answer, said: str) -> None:
    result, _ = ask(answer=answer)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


def test_words_of_others_do_not_reach_the_terminal_as_commands(ask: Ask) -> None:
    trail = [{"step": "\x1b]0;x\x07", "na\nme": "a\r\x1b[31mb", "list": ["\x1b"]}]
    result, _ = ask(answer=(200, {}, explained(summary="\x1b[2Jgone", repository="\x9b", trail=trail)))
    assert result.exit_code == 0
    assert all(line.isprintable() for line in result.stdout.split("\n"))
    assert "�[2Jgone" in result.stdout


def test_what_each_member_says_is_a_line_of_its_own(ask: Ask) -> None:
    message = "not found in any member of go\n  one: was not asked"
    result, _ = ask(answer=(200, {}, explained(summary=message, trail=[{"step": "error", "message": message}])))
    assert "  not found in any member of go\n    one: was not asked\n\n" in result.stdout
    assert 'message="not found in any member of go; one: was not asked"' in result.stdout


def test_nobody_there() -> None:
    server = Scripted(200, {}, b"")
    with server.serving():
        url = f"http://127.0.0.1:{server.port}/"
    result = CliRunner().invoke(main, ["why", url])
    assert result.exit_code == 1
    assert "does not answer: " in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "",
        "go/m/@v/list",
        "/go/m",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://admin:secret@127.0.0.1/x",
        "http://[::1/x",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/\x1b[2J",
    ],
)
def test_no_url_of_a_server(url: str) -> None:
    result = CliRunner().invoke(main, ["why", "--", url])
    assert result.exit_code == 2
    assert "want an http or https URL" in result.stderr
