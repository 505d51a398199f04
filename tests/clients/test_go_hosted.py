"""Private modules: published with curl and with ``mxart go publish``, built by the stock go command through a group of
groups, beside an upstream that offers modules of the same names."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.clients.gocommand import Go
from tests.support.modules import Module, build_tree, escape
from tests.support.server import Server, go_proxy
from tests.support.upstream import ScriptedUpstream

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

WORDS = Module("example.com/words", "v1.2.0", {"words.go": 'package words\n\nconst Greeting = "well met"\n'})
IMPOSTOR = Module(
    "corp.example.com/Greet", "v9.9.9", {"greet.go": 'package greet\n\nfunc Say() string { return "" }\n'}
)
PUBLIC_BOTH = Module("example.com/both", "v1.5.0", {"both.go": "package both\n"})
PUBLIC = [WORDS, IMPOSTOR, PUBLIC_BOTH]

GOMOD = "module corp.example.com/Greet\n\ngo 1.16\n\nrequire example.com/words v1.2.0\n"
GREET = """package greet

import "example.com/words"

func Say() string { return words.Greeting }
"""
PROGRAM = """package main

import (
	"fmt"

	greet "corp.example.com/Greet"
)

func main() { fmt.Println(greet.Say()) }
"""

REPOSITORIES = """
[[repository]]
name = "go"
format = "go"
kind = "group"
members = ["house", "go-public"]
publish_to = "house"
shared_names = ["example.com/both"]
exclusive = { "house" = ["secret.example.com/*"] }

[[repository]]
name = "house"
format = "go"
kind = "group"
members = ["go-team", "go-internal"]
publish_to = "go-internal"

[[repository]]
name = "go-team"
format = "go"
kind = "hosted"

[[repository]]
name = "go-internal"
format = "go"
kind = "hosted"
"""


def greet(version: str, extra: str = "") -> Module:
    return Module("corp.example.com/Greet", version, {"go.mod": GOMOD, "greet.go": GREET + extra})


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[ScriptedUpstream]:
    build_tree(tmp_path / "tree", PUBLIC)
    with ScriptedUpstream() as upstream:
        upstream.tree(tmp_path / "tree")
        yield upstream


@pytest.fixture
def server(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[Server]:
    with Server(tmp_path / "server", REPOSITORIES + go_proxy(upstream.url, name="go-public")) as server:
        yield server


@pytest.fixture
def go(client: Callable[[str], str], tmp_path: Path, server: Server) -> Go:
    return Go(client("go"), tmp_path / "home", server.url + "/go")


class Curl:
    """curl as a person uses it, logged in as admin. Gives the status and what it printed."""

    def __init__(self, program: str, server: Server) -> None:
        self._program = program
        self._server = server

    def __call__(self, *arguments: str, user: str | None = None) -> tuple[int, str]:
        user = f"admin:{(self._server.data / 'admin-password').read_text().strip()}" if user is None else user
        login = ["-u", user] if user else []
        done = subprocess.run(
            [self._program, "-sS", "-w", "\n%{http_code}", *login, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def publish(self, module: Module, folder: Path, repository: str = "go", user: str | None = None) -> tuple[int, str]:
        file = folder / f"{module.version}.zip"
        file.write_bytes(module.zip)
        return self("-T", str(file), self.url(module, repository), user=user)

    def url(self, module: Module, repository: str = "go") -> str:
        return f"{self._server.url}/{repository}/{escape(module.path)}/@v/{escape(module.version)}.zip"


@pytest.fixture
def curl(client: Callable[[str], str], server: Server) -> Curl:
    return Curl(client("curl"), server)


def sums(module: Module) -> str:
    return (
        f"{module.path} {module.version} {module.zip_hash}\n{module.path} {module.version}/go.mod {module.gomod_hash}\n"
    )


def asked(upstream: ScriptedUpstream) -> set[str]:
    return {unquote(seen.path) for seen in upstream.requests}


def run_program(go: Go) -> str:
    go("build", "-o", "program", ".")
    return subprocess.run([go.project / "program"], capture_output=True, text=True, check=True).stdout


def test_a_private_module_is_published_with_curl_and_built_through_a_group_of_groups(
    tmp_path: Path, upstream: ScriptedUpstream, server: Server, go: Go, curl: Curl
) -> None:
    first, second = greet("v1.0.0"), greet("v1.1.0", "\n// friendlier\n")
    assert curl.publish(first, tmp_path) == (201, sums(first))
    assert curl.publish(first, tmp_path) == (200, sums(first))
    go.start_program(PROGRAM)
    go("get", "corp.example.com/Greet@latest")
    assert run_program(go) == "well met\n"
    assert go("mod", "verify") == "all modules verified\n"
    assert sums(first) in (go.project / "go.sum").read_text()
    assert go("list", "-m", "-versions", "corp.example.com/Greet") == "corp.example.com/Greet v1.0.0\n"

    assert curl.publish(second, tmp_path) == (201, sums(second))
    go("get", "-u", "corp.example.com/Greet")  # seen at once: nothing of what is hosted is kept for a while
    assert go("list", "-m", "corp.example.com/Greet") == "corp.example.com/Greet v1.1.0\n"
    assert run_program(go) == "well met\n"

    # the upstream offers a v9.9.9 of that name; it was never asked
    assert not [path for path in asked(upstream) if path.startswith("/corp.example.com/!greet/")]
    assert [path for path in asked(upstream) if path.startswith("/example.com/words/")]

    upstream.stop()
    go.forget_modules()
    server.stop()
    server.start()
    assert run_program(go) == "well met\n"
    assert go("mod", "verify") == "all modules verified\n"
    assert server.run("fsck").returncode == 0


def test_a_folder_is_published_with_the_command(
    tmp_path: Path, upstream: ScriptedUpstream, server: Server, go: Go
) -> None:
    folder = tmp_path / "source"
    for name, text in {
        "go.mod": GOMOD,
        "greet.go": GREET,
        "vendor/x/x.go": "package x",
        "sub/go.mod": "module s",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    target = ("--version", "v1.0.0", "--to", server.url + "/go")
    shown = server.run("go", "publish", str(folder), *target, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "greet.go" in shown.stdout
    go.start_program(PROGRAM)
    assert go.attempt("mod", "download", "corp.example.com/Greet@v1.0.0").returncode != 0  # nothing was sent
    done = server.run("go", "publish", str(folder), *target)
    assert done.returncode == 0, done.stderr
    assert sums(greet("v1.0.0")) in done.stdout  # without vendor and the nested module
    go("get", "corp.example.com/Greet")
    assert run_program(go) == "well met\n"
    assert sums(greet("v1.0.0")) in (go.project / "go.sum").read_text()


def test_the_latest_over_members(
    tmp_path: Path, upstream: ScriptedUpstream, server: Server, go: Go, curl: Curl
) -> None:
    both = Module("example.com/both", "v1.4.0", {"both.go": "package both\n"})
    assert curl.publish(both, tmp_path)[0] == 201  # the name is shared: what is public counts, too
    for repository, version in (("go-team", "v1.2.0"), ("go-internal", "v1.10.0"), ("go-internal", "v1.11.0-rc.1")):
        module = Module("corp.example.com/lib", version, {"lib.go": "package lib\n"})
        assert curl.publish(module, tmp_path, repository)[0] == 201
    assert go("list", "-m", "-versions", "example.com/both") == "example.com/both v1.4.0 v1.5.0\n"
    assert go("list", "-m", "example.com/both@latest") == "example.com/both v1.5.0\n"
    assert go("list", "-m", "-versions", "corp.example.com/lib") == "corp.example.com/lib v1.2.0 v1.10.0 v1.11.0-rc.1\n"
    assert go("list", "-m", "corp.example.com/lib@latest") == "corp.example.com/lib v1.10.0\n"
    assert b'"v1.10.0"' in server.get("/go/corp.example.com/lib/@latest").body
    assert b'"v1.5.0"' in server.get("/go/example.com/both/@latest").body
    assert go("list", "-m", "corp.example.com/lib@<v1.10.0") == "corp.example.com/lib v1.2.0\n"

    pseudo = Module("corp.example.com/edge", "v0.0.0-20240506070809-0123456789ab", {"edge.go": "package edge\n"})
    assert curl.publish(pseudo, tmp_path)[0] == 201
    assert go("list", "-m", "-versions", "corp.example.com/edge") == "corp.example.com/edge\n"
    assert go("list", "-m", "corp.example.com/edge@latest") == f"corp.example.com/edge {pseudo.version}\n"


def test_deleted_and_restored(tmp_path: Path, server: Server, go: Go, curl: Curl) -> None:
    first, second = greet("v1.0.0"), greet("v1.1.0", "\n// friendlier\n")
    for module in (first, second):
        assert curl.publish(module, tmp_path)[0] == 201
    assert curl("-X", "DELETE", curl.url(second))[0] == 200
    assert go("list", "-m", "-versions", "corp.example.com/Greet") == "corp.example.com/Greet v1.0.0\n"
    assert "410 Gone" in go.attempt("mod", "download", "corp.example.com/Greet@v1.1.0").stderr
    other = greet("v1.1.0", "\n// something else\n")
    status, body = curl.publish(other, tmp_path)
    assert status == 409
    assert "v1.1.0" in body

    trash = server.run("trash", "list").stdout
    first_id = re.search(r"^ *([0-9]+) .*v1\.1\.0\.(?:zip|mod|info)", trash, re.MULTILINE)
    assert first_id is not None, trash
    restored = server.run("trash", "restore", first_id[1])
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert go("list", "-m", "corp.example.com/Greet@latest") == "corp.example.com/Greet v1.1.0\n"
    go("mod", "download", "corp.example.com/Greet@v1.1.0")
    assert curl.publish(second, tmp_path)[0] == 200


def test_what_the_user_reads(tmp_path: Path, upstream: ScriptedUpstream, server: Server, go: Go, curl: Curl) -> None:
    module = greet("v1.0.0")
    status, body = curl.publish(module, tmp_path, user="")
    assert status == 401
    assert "user name and a password" in body
    assert curl.publish(module, tmp_path, user="admin:wrong")[0] == 401
    assert curl.publish(module, tmp_path)[0] == 201
    status, body = curl.publish(greet("v1.0.0", "\n// changed\n"), tmp_path)
    assert status == 409
    assert "v1.0.0" in body
    assert curl.publish(module, tmp_path, "go-public")[0] == 405

    missing = go.attempt("list", "-m", "corp.example.com/Greet@v1.7.0").stderr
    assert "404 Not Found" in missing
    assert "go-internal" in missing
    reserved = go.attempt("list", "-m", "secret.example.com/plans@latest").stderr
    assert "secret.example.com/plans" in reserved
    assert not [path for path in asked(upstream) if "secret" in path or "!greet" in path]
    assert (unknown := go.attempt("list", "-m", "example.com/none@latest")).returncode != 0
    assert "404 Not Found" in unknown.stderr


def test_packages_below_a_private_module_are_found_without_a_word_to_the_upstream(
    tmp_path: Path, upstream: ScriptedUpstream, server: Server, go: Go, curl: Curl
) -> None:
    module = Module("corp.example.com/Greet", "v1.0.0", {"loud/loud.go": "package loud\n\nconst Word = `HA`\n"})
    assert curl.publish(module, tmp_path)[0] == 201
    go.start_program('package main\n\nimport "corp.example.com/Greet/loud"\n\nfunc main() { println(loud.Word) }\n')
    go("mod", "tidy")  # asks for corp.example.com/Greet/loud as a module first
    go("build", ".")
    assert go.attempt("list", "-m", "corp.example.com/Greet/v2@latest").returncode != 0
    assert not [path for path in asked(upstream) if "!greet" in path]


def test_a_name_that_the_upstream_is_never_asked_for_can_be_published(
    tmp_path: Path, upstream: ScriptedUpstream, client: Callable[[str], str]
) -> None:
    rule = 'block = ["corp.example.com", "corp.example.com/*"]'
    with Server(tmp_path / "server", REPOSITORIES + go_proxy(upstream.url, rule, name="go-public")) as server:
        module = greet("v1.0.0")
        assert Curl(client("curl"), server).publish(module, tmp_path) == (201, sums(module))
        go = Go(client("go"), tmp_path / "home", server.url + "/go")
        go.start_program(PROGRAM)
        go("mod", "tidy")
        assert run_program(go) == "well met\n"
        assert "403 Forbidden" in go.attempt("list", "-m", "corp.example.com/other@latest").stderr
        assert not [path for path in asked(upstream) if path.startswith("/corp.")]
