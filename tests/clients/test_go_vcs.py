"""The stock go command gets from version control through mxart what it would get by itself: the same versions and the
same sums, with and without a login, and without the source once they are held."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.gocommand import Go
from tests.support.certs import Authority
from tests.support.git import HOST, GitServer
from tests.support.proxies import HttpProxy
from tests.support.server import Server, go_proxy

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

LOGIN = ("ci", "hunter2:p#d")
HELLO = f"{HOST}/team/hello"
LOGIN_LINE = f'auth_hosts = {{ "{HOST}" = {{ username = "{LOGIN[0]}", token_env = "GIT_TOKEN" }} }}'

PROGRAM = f"""package main

import (
	"fmt"

	"{HELLO}"
	"{HELLO}/sub"
	"{HOST}/Team/edge"
	"{HOST}/team/old"
)

func main() {{ fmt.Println(hello.Say, sub.Say, edge.Say, old.Say) }}
"""


def source(package: str, word: str) -> str:
    return f'package {package}\n\nconst Say = "{word}"\n'


def gomod(module: str, *more: str) -> str:
    return "\n".join([f"module {HOST}/{module}", "", "go 1.16", *more, ""])


def fill(server: GitServer) -> None:
    """Modules of every shape: tags and none, a folder with versions of its own, retractions, a second major version."""
    hello = server.repository("team/hello")
    hello.commit({"go.mod": gomod("team/hello"), "hello.go": source("hello", "well")}, "v1.0.0")
    hello.commit({"sub/go.mod": gomod("team/hello/sub"), "sub/s.go": source("sub", "met")}, "v1.1.0", "sub/v0.1.0")
    hello.commit({"go.mod": gomod("team/hello", "retract v1.1.0 // oops", "retract v1.2.0")}, "v1.2.0")
    hello.git("branch", "feature")
    hello.commit({"go.mod": gomod("team/hello/v2")}, "v2.0.0", "v2.1.0-rc.1", "not-a-version")
    server.repository("Team/edge").commit({"go.mod": gomod("Team/edge"), "e.go": source("edge", "edge")})
    server.repository("team/old").commit({"old.go": source("old", "old")}, "v1.0.0", "v3.0.0")
    server.repository("team/retracted").commit(
        {"go.mod": gomod("team/retracted", "retract [v0.0.0, v1.9.9]")}, "v1.0.0"
    )
    broken = server.repository("team/broken")
    broken.commit({"go.mod": gomod("team/broken"), "b.go": source("broken", "b")}, "v1.0.0")
    broken.commit({"go.mod": "modul x\n"}, "v1.1.0")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def git(tmp_path: Path, authority: Authority, client: Callable[[str], str]) -> Iterator[GitServer]:
    client("git")
    with GitServer(tmp_path / "git", authority) as server:
        fill(server)
        yield server


@pytest.fixture
def way(git: GitServer) -> Iterator[HttpProxy]:
    """The proxy that knows where the host is."""
    with git.proxy() as proxy:
        yield proxy


@pytest.fixture
def config(way: HttpProxy, authority: Authority) -> Callable[..., str]:
    def write(*more: str) -> str:
        return go_proxy("vcs", f'http_proxy = "{way.url}"', f'ca_file = "{authority.ca_file}"', *more)

    return write


@pytest.fixture
def make_go(client: Callable[[str], str], tmp_path: Path, way: HttpProxy, authority: Authority) -> Callable[..., Go]:
    def make(proxy: str, name: str = "home") -> Go:
        go = Go(client("go"), tmp_path / name, proxy)
        if proxy == "direct":
            trusted = str(authority.ca_file)
            go.environment |= {"HTTPS_PROXY": way.url, "SSL_CERT_FILE": trusted, "GIT_SSL_CAINFO": trusted}
            go.environment["GIT_ALLOW_PROTOCOL"] = "https"
        return go

    return make


def build(go: Go) -> None:
    go.start_program(PROGRAM)
    go(
        "get",
        f"{HELLO}@v1.0.0",
        f"{HELLO}/sub@latest",
        f"{HOST}/Team/edge@main",
        f"{HOST}/team/old@v3.0.0+incompatible",
    )
    go("build", "-o", "program", ".")
    assert subprocess.run([go.project / "program"], capture_output=True, check=True).stdout == b"well met edge old\n"
    assert go("mod", "verify") == "all modules verified\n"


def at_work(server: Server) -> list[str]:
    """The programs that run in the scratch folder."""
    names = []
    for process in Path("/proc").iterdir():
        try:
            if (process / "cwd").readlink().is_relative_to(server.data / "scratch"):
                names.append((process / "comm").read_text().strip())
        except OSError:
            continue  # no process, or one that has ended
    return names


def homes(server: Server) -> list[str]:
    return [folder.name for folder in (server.data / "scratch").iterdir() if "~cache~" not in folder.name]


# --- what is given -----------------------------------------------------------------------------------------------


def test_builds_with_the_sums_of_the_source_then_without_the_source(
    tmp_path: Path, git: GitServer, config: Callable[..., str], make_go: Callable[..., Go]
) -> None:
    direct = make_go("direct", "direct")
    build(direct)
    with Server(tmp_path / "server", config()) as server:
        go = make_go(server.url + "/go")
        build(go)
        assert (go.project / "go.sum").read_text() == (direct.project / "go.sum").read_text()
        assert {seen.login for seen in git.requests} == {None}

        git.statuses["*"] = 500
        go.forget_modules()
        (go.project / "go.sum").unlink()
        go("mod", "tidy")
        go("build", "-o", "program", ".")
        assert (go.project / "go.sum").read_text() == (direct.project / "go.sum").read_text()
        assert go("list", "-m", "-versions", HELLO + "/sub") == f"{HELLO}/sub v0.1.0\n"
        assert homes(server) == []
        assert server.run("fsck").returncode == 0


QUERIES = [
    *("team/hello@latest", "team/hello@v1.1.0", "team/hello@v1", "team/hello@feature", "team/hello@<v1.1.0"),
    *("team/hello/v2@latest", "team/hello/v2@v2.1.0-rc.1", "team/hello/v2@main", "team/hello/sub@latest"),
    *("Team/edge@latest", "Team/edge@main", "team/old@latest", "team/old@v1.0.0", "team/broken@v1.0.0"),
]
ABSENT = [
    *("team/none@latest", "team/none@v1.0.0", "team/hello@v9.9.9", "team/hello@no-branch", "team/hello/v3@latest"),
    *("team/hello@v1.0.1-0.20231114221521-000000000000", "team/hello/nothing@latest", "team/old@v2.0.0+incompatible"),
]


def test_it_answers_as_the_source_does(
    tmp_path: Path, git: GitServer, config: Callable[..., str], make_go: Callable[..., Go]
) -> None:
    direct = make_go("direct", "direct")
    with Server(tmp_path / "server", config()) as server:
        go = make_go(server.url + "/go")
        for query in QUERIES:
            kept = ("Version", "Sum", "GoModSum")
            theirs, ours = (json.loads(it("mod", "download", "-json", f"{HOST}/{query}")) for it in (direct, go))
            assert [ours[key] for key in kept] == [theirs[key] for key in kept], query
            assert (
                json.loads(Path(ours["Info"]).read_text())["Time"]
                == json.loads(Path(theirs["Info"]).read_text())["Time"]
            )
        for module in ("team/hello", "team/hello/v2", "team/hello/sub", "Team/edge", "team/old", "team/broken"):
            asked = ("list", "-e", "-m", "-versions", "-retracted", f"{HOST}/{module}@latest")
            assert go(*asked) == direct(*asked)
        assert server.get(f"/go/{HOST}/%21team/edge/@v/list").body == b""
        for query in ABSENT:
            for it in (direct, go):
                assert it.attempt("mod", "download", "-json", f"{HOST}/{query}").returncode != 0, query
            module, _, version = query.partition("@")
            path = f"/go/{HOST}/{module}/" + ("@latest" if version == "latest" else f"@v/{version}.info")
            answer = server.get(path)
            assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8"), path


def test_a_new_tag_is_seen(
    tmp_path: Path, git: GitServer, config: Callable[..., str], client: Callable[[str], str]
) -> None:
    client("go")
    with Server(tmp_path / "server", config('ttl = "1 ms"')) as server:
        assert server.get(f"/go/{HOST}/team/old/@v/list").body == b"v1.0.0\nv3.0.0+incompatible\n"
        git.repositories["team/old"].git("tag", "v1.0.1")
        assert server.get(f"/go/{HOST}/team/old/@v/list").body == b"v1.0.0\nv1.0.1\nv3.0.0+incompatible\n"


def test_many_who_ask_at_once_are_one_run(
    tmp_path: Path, git: GitServer, config: Callable[..., str], client: Callable[[str], str]
) -> None:
    client("go")
    with Server(tmp_path / "server", config(), workers=3) as server, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: server.get(f"/go/{HELLO}/@v/v1.0.0.zip"), range(12)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        assert [seen.path for seen in git.requests].count("/team/hello?go-get=1") == 1
        assert homes(server) == []
        assert at_work(server) == []


# --- logins --------------------------------------------------------------------------------------------------------


def test_a_private_source(
    tmp_path: Path, git: GitServer, config: Callable[..., str], make_go: Callable[..., Go]
) -> None:
    git.login = LOGIN
    with Server(tmp_path / "server", config(LOGIN_LINE), environ={"GIT_TOKEN": LOGIN[1]}) as server:
        build(make_go(server.url + "/go"))
        assert LOGIN in {seen.login for seen in git.requests}
        assert all(LOGIN[1] not in line for line in server.log.read_text().splitlines())
        left = subprocess.run(["grep", "-rlF", LOGIN[1], server.data], capture_output=True, text=True, check=False)
        assert left.stdout == ""


@pytest.mark.parametrize(
    ("line", "token", "advice"),
    [
        (LOGIN_LINE, "wrong", f"{HOST} lets nobody in: check its login in the repository's auth_hosts"),
        ("", "", f"{HOST} lets nobody in: give it a login in the repository's auth_hosts"),
        (LOGIN_LINE.replace(HOST, "other.corp.example"), LOGIN[1], f"{HOST} lets nobody in: give it a login"),
    ],
)
def test_who_is_not_let_in_reads_why(
    tmp_path: Path,
    git: GitServer,
    config: Callable[..., str],
    make_go: Callable[..., Go],
    line: str,
    token: str,
    advice: str,
) -> None:
    git.login = LOGIN
    with Server(tmp_path / "server", config(line), environ={"GIT_TOKEN": token}) as server:
        refused = make_go(server.url + "/go").attempt("mod", "download", f"{HELLO}@v1.0.0")
        assert refused.returncode != 0
        assert "502 Bad Gateway" in refused.stderr
        assert advice in refused.stderr
        assert LOGIN not in {seen.login for seen in git.requests}
        git.login = None
        git.statuses["/team/hello.git/info/refs"] = 401  # the page is for everybody, the repository is not
        assert advice in server.get(f"/go/{HELLO}/@v/v1.1.0.info").body.decode()


@pytest.mark.parametrize("token", ["p#ss", "a\\b'c\"d", "a:b@c/d?e%41&$(x)`y`;|", "machine", "default", "x" * 1024])
def test_odd_tokens_arrive_as_they_are(
    tmp_path: Path, git: GitServer, config: Callable[..., str], client: Callable[[str], str], token: str
) -> None:
    client("go")
    git.login = ("x-access-token", token)
    line = f'auth_hosts = {{ "{HOST}" = {{ token_env = "GIT_TOKEN" }} }}'
    with Server(tmp_path / "server", config(line), environ={"GIT_TOKEN": token}, workers=1) as server:
        assert server.get(f"/go/{HELLO}/@v/v1.0.0.mod").body == gomod("team/hello").encode()
        assert any(seen.login == git.login for seen in git.requests if seen.path.endswith("git-upload-pack"))


# --- when it goes wrong ----------------------------------------------------------------------------------------------


def test_a_source_that_hangs_is_given_up_and_nothing_runs_on(
    tmp_path: Path, git: GitServer, config: Callable[..., str], make_go: Callable[..., Go]
) -> None:
    git.hold()
    with Server(tmp_path / "server", config('time_limit = "1 s"')) as server:
        late = make_go(server.url + "/go").attempt("mod", "download", f"{HELLO}@v1.0.0").stderr
        assert "503 Service Unavailable" in late
        assert "go did not end within 1 s: try again, or raise time_limit" in late
        assert at_work(server) == []
        assert homes(server) == []
        git.release()
        assert server.get(f"/go/{HELLO}/@v/v1.0.0.mod").status == 200


def test_a_server_that_stops_takes_its_programs_along(
    tmp_path: Path, git: GitServer, config: Callable[..., str], client: Callable[[str], str]
) -> None:
    client("go")
    git.hold()
    with (
        Server(tmp_path / "server", config(), server='shutdown_grace = "1 s"') as server,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(server.get, f"/go/{HELLO}/@v/v1.0.0.zip")
        assert git.arrived.wait(20)
        assert "go" in at_work(server)
        server.stop()
        assert at_work(server) == []
        assert homes(server) == []
        asked.exception(20)  # cut, or told to come back


@pytest.mark.parametrize(("programs", "missing"), [((), "go"), (("go",), "git")])
def test_what_is_not_installed_is_named(
    tmp_path: Path,
    git: GitServer,
    config: Callable[..., str],
    client: Callable[[str], str],
    programs: tuple[str, ...],
    missing: str,
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in programs:
        (folder / program).symlink_to(client(program))
    with Server(tmp_path / "server", config(), environ={"PATH": str(folder)}) as server:
        answer = server.get(f"/go/{HELLO}/@v/v1.0.0.info")
        assert answer.status == 503
        assert f"{missing} is not installed on the server" in answer.body.decode()


@pytest.mark.parametrize(
    ("system", "root", "says"),
    [
        ("git", "file:///etc", "file scheme disallowed"),
        ("git", "ext::sh", "must not be local directory"),
        ("git", "ssh://git.corp.example/x", "transport 'ssh' not allowed"),
        ("git", "http://git.corp.example/x", "transport 'http' not allowed"),
        ("git", "https://-x/y", "-x"),
        ("git", "--upload-pack=x", "invalid repo root"),
        ("svn", "https://git.corp.example/x", "GOVCS disallows using svn"),
        ("git", "https://unknown.corp.example/x", "unknown.corp.example cannot be reached"),
    ],
)
def test_a_page_cannot_lead_astray(
    tmp_path: Path,
    git: GitServer,
    config: Callable[..., str],
    client: Callable[[str], str],
    system: str,
    root: str,
    says: str,
) -> None:
    client("go")
    git.pages["team/page"] = f'<meta name="go-import" content="{HOST}/team/page {system} {root}">'.encode()
    with Server(tmp_path / "server", config(), workers=1) as server:
        answer = server.get(f"/go/{HOST}/team/page/@v/v1.0.0.info")
        assert answer.status in (502, 503)
        assert says in answer.body.decode()
        assert str(tmp_path) not in answer.body.decode()


def test_the_folder_above_does_not_count(
    tmp_path: Path, git: GitServer, config: Callable[..., str], client: Callable[[str], str]
) -> None:
    """mxart may be started in a Go project: its go.mod and its replace directives are not the server's."""
    client("go")
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "go.mod").write_text(f"module example.com/here\n\nreplace {HELLO} => ./nowhere\n")
    (folder / "go.work").write_text("go 1.18\n\nuse .\n")
    (folder / ".git").mkdir()
    with Server(folder, config(), workers=1) as server:
        assert server.get(f"/go/{HELLO}/@v/v1.0.0.mod").body == gomod("team/hello").encode()
        assert b"v1.0.0" in server.get(f"/go/{HELLO}/@v/list").body
