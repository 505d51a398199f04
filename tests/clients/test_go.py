"""The stock go command against forked workers: what its users do, on line and off line, and what they read when it
goes wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.clients.gocommand import Go
from tests.support.certs import Authority
from tests.support.modules import Module, build_tree
from tests.support.proxies import HttpProxy, SocksProxy
from tests.support.server import Server, free_port, go_proxy
from tests.support.sumdb import SumDB
from tests.support.upstream import Answer, ScriptedUpstream

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

HELLO = """package hello

import "example.com/words/v2"

func Say() string { return words.Greeting }
"""
HELLO_GOMOD = """module example.com/Hello

go 1.16

require example.com/words/v2 v2.1.0
"""
MODULES = [
    Module("example.com/Hello", "v1.0.0", {"go.mod": HELLO_GOMOD, "hello.go": HELLO}),
    Module("example.com/Hello", "v1.1.0", {"go.mod": HELLO_GOMOD, "hello.go": HELLO + "// louder\n"}),
    Module(
        "example.com/words/v2",
        "v2.1.0",
        {
            "go.mod": "module example.com/words/v2\n\ngo 1.16\n",
            "words.go": 'package words\n\nconst Greeting = "well met"\n',
        },
    ),
    Module("example.com/old", "v3.0.0+incompatible", {"old.go": "package old\n\nconst Age = 3\n"}),
    Module(
        "example.com/edge",
        "v0.0.0-20240506070809-0123456789ab",
        {"go.mod": "module example.com/edge\n\ngo 1.16\n", "edge.go": "package edge\n\nconst Sharp = true\n"},
    ),
]

PROGRAM = """package main

import (
	"fmt"

	hello "example.com/Hello"
	"example.com/edge"
	"example.com/old"
)

func main() { fmt.Println(hello.Say(), old.Age, edge.Sharp) }
"""


@pytest.fixture
def database() -> SumDB:
    database = SumDB("sums.example.org")
    for module in MODULES:
        database.add(module.path, module.version, module.zip_hash, module.gomod_hash)
    return database


@pytest.fixture
def upstream(tmp_path: Path, database: SumDB) -> Iterator[ScriptedUpstream]:
    """A module proxy with the checksum database below /sums."""
    build_tree(tmp_path / "tree", MODULES)
    pseudo = MODULES[-1]
    query = tmp_path / "tree/example.com/edge/@v/main.info"
    query.write_bytes(pseudo.info)
    with ScriptedUpstream() as upstream:
        upstream.tree(tmp_path / "tree")
        upstream.handler = lambda path: (
            database.handle(path.removeprefix("/sums")) if path.startswith("/sums/") else None
        )
        yield upstream


def config(upstream: ScriptedUpstream, database: SumDB, *more: str) -> str:
    return go_proxy(upstream.url, f'sumdb = {{ "{database.name}" = "{upstream.url}/sums" }}', *more)


@pytest.fixture
def make_go(client: Callable[[str], str], tmp_path: Path, database: SumDB) -> Callable[..., Go]:
    def make(proxy: str, name: str = "home") -> Go:
        return Go(client("go"), tmp_path / name, proxy, database.key)

    return make


def build(go: Go) -> None:
    """A program that needs everything is made, built and run, its modules verified."""
    go.start_program(PROGRAM)
    go("get", "example.com/Hello@v1.0.0", "example.com/old@v3.0.0+incompatible", "example.com/edge@main")
    go("build", "-o", "program", ".")
    assert subprocess.run([go.project / "program"], capture_output=True, check=True).stdout == b"well met 3 true\n"
    assert go("mod", "verify") == "all modules verified\n"


def test_builds_with_the_checksum_database_then_without_the_upstream(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    with Server(tmp_path / "server", config(upstream, database)) as server:
        go = make_go(server.url + "/go")
        build(go)
        asked = {unquote(seen.path) for seen in upstream.requests}
        assert any(path.startswith("/sums/lookup/example.com/!hello@") for path in asked)
        assert any(path.startswith("/sums/tile/8/") for path in asked)
        assert go("list", "-m", "-versions", "example.com/Hello") == "example.com/Hello v1.0.0 v1.1.0\n"
        go("get", "example.com/Hello@latest")
        assert "example.com/Hello v1.1.0" in go("list", "-m", "all")
        go("mod", "tidy")
        sums = (go.project / "go.sum").read_text()

        upstream.stop()
        go.forget_modules()
        (go.project / "go.sum").unlink()
        go("mod", "tidy")
        go("build", "-o", "program", ".")
        assert go("mod", "verify") == "all modules verified\n"
        assert go("list", "-m", "-versions", "example.com/Hello") == "example.com/Hello v1.0.0 v1.1.0\n"
        assert (go.project / "go.sum").read_text() == sums
        assert server.run("fsck").returncode == 0


def test_off_line_lookups_verify_in_any_order(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    """A lookup carries the tree head of its time. Which tiles a client asks for depends on the head it sees first."""
    lookup = "lookup/example.com/!hello@v1.0.0"
    upstream.static("/sums/" + lookup.replace("!", "%21"), database.answer(lookup)[2], media_type="text/plain")
    for i in range(7):  # the log has grown since, and its last tile with it
        database.add(f"example.com/other{i}", "v1.0.0", MODULES[0].zip_hash, MODULES[0].gomod_hash)
    new, old = "example.com/old@v3.0.0+incompatible", "example.com/Hello@v1.0.0"
    with Server(tmp_path / "server", config(upstream, database)) as server:
        for home, order in (("on line", (new, old)), ("off line", (old, new))):
            go = make_go(server.url + "/go", home)
            for module in order:
                go("mod", "download", module)
            upstream.stop()


def test_the_upstream_is_reached_through_proxies(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    elsewhere = {"upstream.example.org": ("127.0.0.1", upstream.port)}
    hidden = f"http://upstream.example.org:{upstream.port}"
    sumdb = f'sumdb = {{ "{database.name}" = "{hidden}/sums" }}'
    with HttpProxy(elsewhere) as http, SocksProxy(elsewhere) as socks:
        ways = {"http": http.url, "socks": socks.url}
        repositories = [go_proxy(hidden, f'http_proxy = "{url}"', sumdb, name=name) for name, url in ways.items()]
        with Server(tmp_path / "server", "\n".join(repositories)) as server:
            for name in ways:
                build(make_go(f"{server.url}/{name}", name))
        assert http.passed
        assert socks.passed


def test_over_tls_on_a_host_name_of_its_own(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost")
    port = free_port()
    listener = f"""
[[listener]]
name = "secure"
listen = ["127.0.0.1:{port}"]
tls = {{ certificate = "{certificate.certificate}", key = "{certificate.key}" }}
"""
    bound = 'hosts = [ { listener = "secure", host = "localhost" } ]'
    with Server(tmp_path / "server", listener + config(upstream, database, bound)):
        go = make_go(f"https://localhost:{port}")
        go.environment["SSL_CERT_FILE"] = str(authority.ca_file)
        build(go)


def test_what_the_user_reads(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    lost = "/example.com/lost/@v/list"
    upstream.script(
        lost, Answer(status=410, headers={"Content-Type": "text/plain"}, body=b"taken down by its author\n")
    )
    with Server(
        tmp_path / "server", config(upstream, database, 'block = ["example.com/secret*"]', "retries = 0")
    ) as server:
        go = make_go(server.url + "/go")
        blocked = go.attempt("list", "-m", "example.com/secret/plans@v1.0.0").stderr
        assert "403 Forbidden" in blocked
        assert "example.com/secret/plans is blocked in go by the rule block" in blocked
        assert not any("secret" in seen.path for seen in upstream.requests)

        gone = go.attempt("list", "-m", "-versions", "example.com/lost").stderr
        assert "taken down by its author" in gone

        upstream.stop()
        down = go.attempt("list", "-m", "example.com/new@v1.0.0").stderr
        assert "503 Service Unavailable" in down
        assert "cannot be reached" in down
        assert "404 Not Found" not in down


def test_another_checksum_than_the_database_says_is_the_end(
    tmp_path: Path, upstream: ScriptedUpstream, database: SumDB, make_go: Callable[..., Go]
) -> None:
    forged = Module("example.com/words/v2", "v2.1.0", {**MODULES[2].files, "extra.go": "package words\n"})
    upstream.static("/example.com/words/v2/@v/v2.1.0.zip", forged.zip)
    with Server(tmp_path / "server", config(upstream, database)) as server:
        refused = make_go(server.url + "/go").attempt("mod", "download", "example.com/words/v2@v2.1.0")
        assert refused.returncode != 0
        assert "SECURITY ERROR" in refused.stderr
