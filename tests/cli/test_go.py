from __future__ import annotations

import hashlib
import io
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from mxart.cli import main
from mxart.formats.go import modzip
from tests.support.git import GitRepository
from tests.support.modules import Module

GOMOD = "module example.com/Hello\n\ngo 1.21\n"
HELLO = Module("example.com/Hello", "v1.2.3", {"go.mod": GOMOD, "hello.go": "package hello\n"})
SUMS = (
    f"example.com/Hello v1.2.3 {HELLO.zip_hash}\n"
    f"example.com/Hello v1.2.3/go.mod {HELLO.gomod_hash}\n"
)  # fmt: skip
PATH = "/go/example.com/%21hello/@v/v1.2.3.zip"


@dataclass
class Put:
    """A request as it arrived."""

    target: str
    authorization: str
    body: bytes = field(repr=False)


class Scripted:
    """A server that gives one answer to PUT, and remembers what came."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        self.puts: list[Put] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.puts, status, text.encode(), headers))
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(puts: list[Put], status: int, body: bytes, headers: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            received = self.rfile.read(int(self.headers["Content-Length"]))
            puts.append(Put(self.path, self.headers["Authorization"] or "", received))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


Serve = Callable[..., Scripted]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Scripted] = []

    def start(status: int = 201, text: str = SUMS, headers: Mapping[str, str] | None = None) -> Scripted:
        servers.append(Scripted(status, text, headers or {}))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in ./hello, a password in ./secret; no configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("secret").write_text("pw\n")
    fill("hello", {"go.mod": GOMOD, "hello.go": "package hello\n"})


def fill(folder: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text(text)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["go", "publish", *arguments])


def publish(server: Scripted, *arguments: str) -> Result:
    login = ("--user", "ada", "--password-file", "secret")
    return run("hello", "--version", "v1.2.3", "--to", f"{server.url}/go/", *login, *arguments)


# --- publishing --------------------------------------------------------------------------------------------------


def test_a_module_is_published(serve: Serve) -> None:
    server = serve()
    result = publish(server)
    assert (result.exit_code, result.stdout) == (0, SUMS)
    assert f"example.com/Hello v1.2.3: published at {server.url}/go" in result.stderr
    (put,) = server.puts
    assert put.target == PATH
    assert put.authorization == "Basic " + b64encode(b"ada:pw").decode()
    modzip.check(io.BytesIO(put.body), HELLO.path, HELLO.version)


def test_it_was_there_already(serve: Serve) -> None:
    result = publish(serve(200))
    assert (result.exit_code, result.stdout) == (0, SUMS)
    assert "was there already" in result.stderr


def test_json(serve: Serve) -> None:
    server = serve()
    result = publish(server, "--json")
    assert json.loads(result.stdout) == {
        "module": "example.com/Hello",
        "version": "v1.2.3",
        "time": None,
        "url": f"{server.url}{PATH}",
        "published": True,
        "files": [{"path": "go.mod", "size": len(GOMOD)}, {"path": "hello.go", "size": 14}],
        "left_out": [],
        "size": len(GOMOD) + 14,
        "zip_size": len(server.puts[0].body),
        "go_sum": SUMS.splitlines(),
    }
    assert json.loads(publish(serve(200), "--json").stdout)["published"] is False


def test_the_zip_is_kept(serve: Serve) -> None:
    server = serve()
    assert publish(server, "--output", "hello.zip").exit_code == 0
    assert Path("hello.zip").read_bytes() == server.puts[0].body
    assert sorted(path.name for path in Path().iterdir()) == ["hello", "hello.zip", "secret"]


@pytest.mark.parametrize("output", ["nowhere/hello.zip", "taken"])
def test_a_zip_that_cannot_be_kept(serve: Serve, output: str) -> None:
    Path("taken").mkdir()
    server = serve()
    result = publish(server, "--output", output)
    assert result.exit_code in (1, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert server.puts == []


REFUSALS = [
    (401, "The user name or the password is wrong.\n", ["answers 401: The user name", "Give --user"]),
    (403, "No.\n", ["answers 403: No."]),
    (404, "Nothing there.\n", ["answers 404: Nothing there.", "base URL of a Go repository"]),
    (405, "go-public is a proxy.\n", ["answers 405: go-public", "a group with publish_to"]),
    (409, "v1.2.3 exists.\n", ["answers 409: v1.2.3 exists.", "another version"]),
    (413, "Too large.\n", ["answers 413: Too large."]),
    (503, "", ["answers 503"]),
    (400, "first\n\n\x1b[2Jsecond\n", ["answers 400: first\n [2Jsecond"]),
    (307, "", ["answers 307: It leads elsewhere"]),
    (202, "kept\n", ["answers 202: kept"]),
]


@pytest.mark.parametrize(("status", "text", "said"), REFUSALS, ids=[status for status, _, _ in REFUSALS])
def test_what_the_server_refuses(serve: Serve, status: int, text: str, said: list[str]) -> None:
    result = publish(serve(status, text, {"Location": "http://127.0.0.1:1/"}))
    assert (result.exit_code, result.stdout) == (1, "")
    for part in said:
        assert part in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("text", ["", "<html>", SUMS.replace("h1:", "h1:A"), SUMS + SUMS])
def test_other_sums_than_ours(serve: Serve, text: str) -> None:
    result = publish(serve(201, text))
    assert result.exit_code == 1
    assert "does not confirm the sums" in result.stderr
    assert f"sent {SUMS.splitlines()[0]}" in result.stderr


def test_nobody_there(serve: Serve) -> None:
    server = serve()
    server.stop()
    result = publish(server)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


def test_no_password_goes_out_before_all_is_well(serve: Serve) -> None:
    server = serve()
    result = run("hello", "--version", "v1.2.3", "--to", server.url)
    assert result.exit_code == 2
    assert "no password for admin" in result.stderr
    assert server.puts == []


# --- where to ----------------------------------------------------------------------------------------------------


def test_the_url_from_the_environment(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("MXART_GO_URL", f"{server.url}/env")
    assert run("hello", "--version", "v1.2.3", "--password-file", "secret").exit_code == 0
    assert server.puts[0].target.startswith("/env/example.com/")


HOSTED = """
[[repository]]
name = "{0}"
format = "go"
kind = "hosted"
"""
GROUP = """
[[repository]]
name = "go"
format = "go"
kind = "group"
members = ["internal"]
publish_to = "internal"
"""
PUBLIC_URL = '[server]\npublic_url = "https://art.example.org/x"\n'
CONFIGURED = [
    (HOSTED.format("internal"), "http://127.0.0.1:8080/internal"),
    (HOSTED.format("internal") + GROUP, "http://127.0.0.1:8080/go"),
    (PUBLIC_URL + HOSTED.format("internal"), "https://art.example.org/x/internal"),
    (HOSTED.format("internal") + HOSTED.format("team"), None),
    (HOSTED.format("internal") + GROUP + HOSTED.format("team"), None),
    (HOSTED.format("internal") + GROUP.replace('publish_to = "internal"', ""), "http://127.0.0.1:8080/internal"),
    ("", None),
]


@pytest.mark.parametrize(("config", "url"), CONFIGURED, ids=range(len(CONFIGURED)))
def test_the_url_from_the_configuration(config: str, url: str | None) -> None:
    Path("mxart.toml").write_text(config)
    document = shown("hello", "--version", "v1.2.3")
    assert document["url"] == (None if url is None else url + PATH.removeprefix("/go"))


def test_the_url_of_a_name_of_the_configuration() -> None:
    Path("mxart.toml").write_text(HOSTED.format("internal") + HOSTED.format("team"))
    document = shown("hello", "--version", "v1.2.3", "--to", "team")
    assert document["url"] == "http://127.0.0.1:8080/team" + PATH.removeprefix("/go")


def test_several_urls_are_told() -> None:
    Path("mxart.toml").write_text(HOSTED.format("internal") + HOSTED.format("team"))
    result = run("hello", "--version", "v1.2.3")
    assert result.exit_code == 2
    assert "the configuration has http://127.0.0.1:8080/internal, http://127.0.0.1:8080/team" in result.stderr


def test_nobody_says_where_to() -> None:
    result = run("hello", "--version", "v1.2.3")
    assert result.exit_code == 2
    assert "say with --to, or in $MXART_GO_URL" in result.stderr


# --- a dry run ---------------------------------------------------------------------------------------------------


def test_a_dry_run_needs_nobody() -> None:
    fill("hello", {"vendor/x/x.go": "package x", "sub/go.mod": "module s", "sub/s.go": "package s"})
    result = run("hello", "--version", "v1.2.3", "--dry-run")
    assert result.exit_code == 0
    shown = re.sub("the zip has [0-9]+ B", "the zip has N B", result.stdout)
    assert (
        shown
        == f"""\
example.com/Hello v1.2.3
  go.mod    34 B
  hello.go  14 B
left out
  sub/     another module
  vendor/  vendored packages
2 files, 48 B; the zip has N B
{SUMS}nothing was uploaded
"""
    )


def test_a_dry_run_asks_nobody(serve: Serve) -> None:
    server = serve()
    result = publish(server, "--dry-run", "--output", "hello.zip")
    assert result.exit_code == 0
    assert f"it would go to {server.url}{PATH}" in result.stdout
    assert SUMS in result.stdout
    assert server.puts == []
    modzip.check(io.BytesIO(Path("hello.zip").read_bytes()), HELLO.path, HELLO.version)
    assert json.loads(publish(server, "--dry-run", "--json").stdout)["published"] is None


# --- what cannot be published ------------------------------------------------------------------------------------


def test_all_problems_come_before_anything_is_sent(serve: Serve) -> None:
    fill("hello", {"A.go": "", "a.go": "", "con.txt": ""})
    server = serve()
    result = run("hello", "--version", "v2.0.0", "--to", server.url, "--json")
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["problems"]
    assert len(problems) == 3
    assert result.stderr.splitlines() == [f"mxart: {problem}" for problem in problems]
    assert "should be v0 or v1" in problems[0]
    assert server.puts == []


WRONG = [
    ({"go.mod": "go 1.21\n"}, ("--version", "v1.0.0"), 1, "no module directive"),
    ({"go.mod": "module nodot\n"}, ("--version", "v1.0.0"), 1, "has no dot"),
    ({"go.mod": "module example.com/m/v1\n"}, ("--version", "v1.0.0"), 1, "no major version suffix"),
    ({}, ("--version", "1.0.0"), 1, "not canonical"),
    ({}, (), 2, "say with --version"),
    ({}, ("--version", "v1.0.0", "--to", "http://a:b@example.org"), 2, "without credentials"),
    ({}, ("--version", "v1.0.0", "--module", "../m"), 1, "malformed"),
]


@pytest.mark.parametrize(("files", "arguments", "code", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong(files: Mapping[str, str], arguments: tuple[str, ...], code: int, said: str) -> None:
    fill("hello", files)
    result = run("hello", "--dry-run", *arguments)
    assert result.exit_code == code
    assert said in result.stderr


def test_a_folder_that_is_no_module() -> None:
    Path("empty").mkdir()
    assert "say with --module" in run("empty", "--version", "v1.0.0").stderr
    result = run("empty", "--version", "v1.0.0", "--module", "example.com/m", "--dry-run")
    assert result.exit_code == 1
    assert "the zip would be empty" in result.stderr


def test_a_fork_is_warned_of() -> None:
    result = run("hello", "--module", "example.com/fork", "--version", "v1.0.0", "--dry-run")
    assert result.exit_code == 0
    assert "allow_forks" in result.stderr
    assert result.stdout.startswith("example.com/fork v1.0.0\n")


# --- from git ----------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "git")
    files = {"go.mod": GOMOD, "hello.go": "package hello\n", ".gitignore": "*.log\n", "LICENSE": "MIT\n"}
    nested = {"sub/go.mod": "module example.com/Hello/sub\n", "sub/s.go": "package s\n"}
    repository.commit({**files, **nested}, "v1.2.3", "v1.3.0-rc.1", "v2.0.0", "sub/v0.4.0")
    return repository


def shown(*arguments: str) -> Mapping[str, object]:
    result = run(*arguments, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_the_tag_names_version_and_time(repository: GitRepository, serve: Serve) -> None:
    document = shown("git")
    assert (document["version"], document["time"]) == ("v1.3.0-rc.1", "2023-11-14T22:13:20Z")
    fill("git", {"secret.key": "s", "x.log": "l"})
    server = serve(500)
    result = run("git", "--to", server.url, "--password-file", "secret")
    assert server.puts[0].target == "/example.com/%21hello/@v/v1.3.0-rc.1.zip?time=2023-11-14T22:13:20Z"
    assert b"secret.key" not in server.puts[0].body
    assert "left out: 1 not tracked by git, 1 another module, 1 ignored by git (--dry-run" in result.stderr


def test_a_module_below(repository: GitRepository) -> None:
    document = shown("git/sub")
    assert (document["module"], document["version"]) == ("example.com/Hello/sub", "v0.4.0")
    assert [file["path"] for file in document["files"]] == ["LICENSE", "go.mod", "s.go"]  # type: ignore[attr-defined]


def test_files_that_git_does_not_track(repository: GitRepository) -> None:
    fill("git", {"secret.key": "s", "build/out": "o", "x.log": "l"})
    assert {each["path"]: each["reason"] for each in shown("git")["left_out"]} == {  # type: ignore[attr-defined]
        "secret.key": "not tracked by git",
        "build/": "not tracked by git",
        "x.log": "ignored by git",
        "sub/": "another module",
    }


def test_changed_files(repository: GitRepository) -> None:
    fill("git", {"hello.go": "package hello // changed\n"})
    result = run("git", "--dry-run")
    assert result.exit_code == 2
    assert "commit them, or say with --version" in result.stderr
    document = shown("git", "--version", "v1.2.4")
    assert (document["version"], document["time"]) == ("v1.2.4", None)
    assert shown("git/sub")["version"] == "v0.4.0"  # nothing was changed there


def test_a_commit_without_a_tag(repository: GitRepository) -> None:
    repository.commit({"more.go": "package hello\n"})
    result = run("git/sub", "--dry-run")
    assert result.exit_code == 2
    assert "tag it, like sub/v1.2.3, or say it with --version" in result.stderr
    assert shown("git", "--version", "v1.2.3")["time"] is None  # the tag is that of another commit


def test_the_version_that_is_the_tag_has_its_time(repository: GitRepository) -> None:
    assert shown("git", "--version", "v1.3.0-rc.1")["time"] == "2023-11-14T22:13:20Z"


def test_what_git_tracks_and_is_not_there(repository: GitRepository) -> None:
    Path("git/hello.go").unlink()
    result = run("git", "--version", "v1.2.4", "--dry-run")
    assert result.exit_code == 1
    assert "'hello.go' is not there any more" in result.stderr


def test_a_gomod_that_git_does_not_track(repository: GitRepository) -> None:
    repository.git("rm", "-q", "--cached", "go.mod")
    result = run("git", "--version", "v1.2.4", "--dry-run")
    assert result.exit_code == 1
    assert "git add it" in result.stderr


def test_a_folder_of_which_git_tracks_nothing(repository: GitRepository) -> None:
    fill("git/other", {"go.mod": "module example.com/other\n"})
    result = run("git/other", "--version", "v1.0.0", "--dry-run")
    assert result.exit_code == 1
    assert "not tracked by git" in result.stderr


def test_the_bytes_depend_on_nothing_but_the_files(serve: Serve) -> None:
    server = serve()
    publish(server)
    Path("hello/hello.go").touch()
    Path("hello/hello.go").chmod(0o700)
    publish(server)
    assert len({hashlib.sha256(put.body).digest() for put in server.puts}) == 1
