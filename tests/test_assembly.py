"""The site as a whole: what its parts can only show together."""

from __future__ import annotations

import base64
import http.client
import json
import random
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mxart.assembly import prepare
from mxart.errors import StoreFull, Unavailable
from mxart.settings import Settings, StoreSettings
from tests.support.certs import Authority
from tests.support.modules import Module
from tests.support.server import Answered, Server, free_port, go_group, go_hosted, go_proxy
from tests.support.upstream import Answer, ScriptedUpstream, Static

LIST = "/example.com/m/@v/list"


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        upstream.static(LIST, b"v1.0.0\n", etag='"1"')
        yield upstream


def admin(server: Server) -> dict[str, str]:
    password = (server.data / "admin-password").read_text().strip()
    return {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}


def why(server: Server, url: str) -> dict[str, object]:
    answered = server.get(f"/-/api/v1/why?url={url}", **admin(server))
    assert answered.status == 200, answered.body
    document: dict[str, object] = json.loads(answered.body)
    return document


def test_miss_then_hit_then_stale(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url, 'ttl = "1 ms"', "retries = 0"), workers=1) as server:
        statuses = [server.get("/go" + LIST).headers["cache-status"] for _ in range(2)]
        assert statuses == ["mxart; fwd=miss; stored", "mxart; fwd=stale; fwd-status=304; stored"]
        upstream.script(LIST, Answer(status=503))
        answered = server.get("/go" + LIST)
        assert (answered.status, answered.body) == (200, b"v1.0.0\n")
        assert answered.headers["cache-status"] == "mxart; fwd=stale; fwd-status=503"
        upstream.stop()
        assert server.get("/go" + LIST).headers["cache-status"] == "mxart; fwd=stale"
    with Server(tmp_path / "fresh", go_proxy(upstream.url, "retries = 0")) as server:
        refused = server.get("/go" + LIST)
        assert refused.status == 503, "never 404: the upstream did not say so"
        assert refused.headers["cache-status"] == "mxart; fwd=miss"


def test_an_absence_is_remembered_and_then_asked_again(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    path = "/example.com/none/@v/list"
    text = {"Content-Type": "text/plain; charset=utf-8"}
    upstream.script(path, Answer(status=404, headers=text, body=b"never heard of it\n"))
    with Server(tmp_path, go_proxy(upstream.url, 'negative_ttl = "1 h"')) as server:
        for _ in range(3):
            answered = server.get("/go" + path)
            assert (answered.status, answered.body) == (404, b"never heard of it\n")
        assert upstream.count(path) == 1
        server.configure(go_proxy(upstream.url, 'negative_ttl = "1 ms"'))
        server.reload()
        upstream.static(path, b"v0.1.0\n")
        assert server.get("/go" + path).body == b"v0.1.0\n"


def test_the_first_start_makes_an_admin_who_may_ask_why(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url, 'block = ["example.com/secret"]')) as server:
        assert stat.S_IMODE((server.data / "admin-password").stat().st_mode) == 0o600
        assert server.get("/-/api/v1/why?url=/go" + LIST).status == 401
        found = why(server, "/go" + LIST)
        assert (found["repository"], found["status"]) == ("go", 200)
        steps = [step["step"] for step in found["trail"]]  # type: ignore[index,attr-defined]
        assert steps[:2] == ["mount", "access"]
        assert "cache" in steps
        blocked = why(server, "/go/example.com/secret/@v/list")
        assert blocked["status"] == 403
        assert "block = 'example.com/secret'" in str(blocked["summary"])
        assert why(server, "/nowhere/x")["status"] == 404
        assert why(server, "/-/health")["status"] == 404
        assert server.get("/-/api/v1/why?url=ftp://x/y", **admin(server)).status == 400

        done = server.run("why", f"{server.url}/go{LIST}")
        assert done.returncode == 0, done.stderr
        assert "cache" in done.stdout


def test_closed_to_anonymous_clients(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = '[access]\nanonymous = "none"\n' + go_proxy(upstream.url)
    with Server(tmp_path, config) as server:
        refused = server.get("/go" + LIST)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert upstream.requests == []
        assert server.get("/").status == 401
        assert server.get("/-/health").status == 200
        assert server.get("/go" + LIST, **admin(server)).body == b"v1.0.0\n"
        wrong = base64.b64encode(b"admin:wrong").decode()
        assert server.get("/go" + LIST, Authorization=f"Basic {wrong}").status == 401


PRIVATE = Module("corp.example.com/greet", "v1.0.0", {"greet.go": "package greet\n"})
GREET = "/corp.example.com/greet/@v"
PUBLISHED = f"{GREET}/v1.0.0.zip"


def grouped(upstream: ScriptedUpstream, *more: str) -> str:
    """A group of a group; what is hosted stands last, and the members after their groups."""
    return (
        go_group("go", ["go-public", "house"], 'publish_to = "house"', *more)
        + go_group("house", ["go-internal"], 'publish_to = "go-internal"', 'base_url = ""')
        + go_hosted("go-internal")
        + go_proxy(upstream.url, name="go-public")
    )


def test_what_is_published_to_a_group_of_a_group_is_there_and_its_name_is_asked_of_nobody(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    upstream.static(f"{GREET}/list", b"v9.9.9\n")
    with Server(tmp_path, grouped(upstream)) as server:
        assert server.get(f"/go{GREET}/list").body == b"v9.9.9\n"  # nobody owns the name yet
        assert server.request("PUT", "/go" + PUBLISHED, PRIVATE.zip).status == 201
        before = len(upstream.requests)
        for repository in ("go", "go-internal"):
            assert server.get(f"/{repository}{GREET}/list").body == b"v1.0.0\n"
            assert server.get("/" + repository + PUBLISHED).body == PRIVATE.zip
        assert server.get("/house" + PUBLISHED).status == 404  # a member only
        assert server.get(f"/go{GREET}/v9.9.9.zip").status == 404
        assert len(upstream.requests) == before
        assert server.get("/go" + LIST).body == b"v1.0.0\n"
        assert upstream.count(LIST) == 1

        steps = [step["step"] for step in why(server, f"/go{GREET}/list")["trail"]]  # type: ignore[index,attr-defined]
        assert "member" in steps
        server.reload()
        assert server.get(f"/go{GREET}/list").body == b"v1.0.0\n"
        assert server.request("DELETE", "/go" + PUBLISHED).status == 200
        assert server.get("/go" + PUBLISHED).status == 410
        assert server.get(f"/go{GREET}/list").status in (404, 410)
        assert upstream.count(f"{GREET}/list") == 1
        assert server.run("fsck").returncode == 0


def test_a_name_that_is_exclusive_or_blocked_leaves_through_no_group(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    rules = ('exclusive = { "house" = ["corp.example.com/*"] }', 'block = ["example.com/bad"]')
    with Server(tmp_path, grouped(upstream, *rules)) as server:
        assert server.get(f"/go{GREET}/list").status == 404
        assert server.get("/go/example.com/bad/@v/list").status == 403
        assert server.request("PUT", "/go/example.com/bad/@v/v1.0.0.zip", b"").status == 403
        assert upstream.requests == []
        assert server.request("PUT", "/go" + PUBLISHED, PRIVATE.zip).status == 201


def test_proxies_share_the_names_out_by_allow(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = (
        go_group("go", ["go-internal", "git", "vetted"])
        + go_hosted()
        + go_proxy(upstream.url, 'allow = ["git.example.org/*"]', name="git")
        + go_proxy(upstream.url, 'allow = ["example.com/*"]', name="vetted")
    )
    with Server(tmp_path, config) as server:
        assert server.get("/go" + LIST).body == b"v1.0.0\n"
        assert server.get("/go/example.com/none/@v/list").status == 404  # the go command tries the next name
        assert server.get("/go/git.example.org/none/@v/v1.0.0.zip").status == 404
        assert server.get("/git" + LIST).status == 403
        assert server.get("/go/elsewhere.example/m/@v/list").status == 403  # and goes nowhere else for that
        assert not [seen for seen in upstream.requests if "elsewhere" in seen.path]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("access", ["", '[access]\nanonymous = "none"\n'])
def test_writing_needs_the_admin(tmp_path: Path, upstream: ScriptedUpstream, method: str, access: str) -> None:
    with Server(tmp_path, access + grouped(upstream)) as server:
        assert server.request("PUT", "/go" + f"{GREET}/v0.9.0.zip", zip_of("v0.9.0")).status == 201
        for user, password in (("", ""), ("admin", "wrong"), ("nobody", "x")):
            refused = server.request(method, "/go" + PUBLISHED, PRIVATE.zip, user=user, password=password)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
        path = PUBLISHED if method == "PUT" else f"{GREET}/v0.9.0.zip"
        assert server.request(method, "/go" + path, PRIVATE.zip).status == (201 if method == "PUT" else 200)
        assert server.get("/go" + PUBLISHED).status == (401 if access else 200 if method == "PUT" else 404)


def zip_of(version: str) -> bytes:
    return Module(PRIVATE.path, version, {"greet.go": "package greet\n"}).zip


def test_a_circle_of_groups_is_refused_and_leaves_what_runs_in_place(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with Server(tmp_path, grouped(upstream)) as server:
        server.configure(go_group("one", ["two"]) + go_group("two", ["one"]))
        checked = server.run("check")
        assert checked.returncode == 2
        assert "one → two → one" in checked.stderr
        server.signal(signal.SIGHUP)
        while "lead back to the group itself" not in server.log.read_text():
            threading.Event().wait(0.01)
        assert server.get("/go" + LIST).status == 200


def test_the_page_and_the_api_say_what_groups_are(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, grouped(upstream)) as server:
        listed = json.loads(server.get("/-/api/v1/repositories").body)
        assert [(each["name"], each["members"]) for each in listed[:2]] == [
            ("go", ["go-public", "house"]),
            ("house", ["go-internal"]),
        ]
        assert server.url + "/go" in listed[0]["publish_lines"][0]
        assert listed[1]["publish_lines"] == []  # not reached by itself
        assert listed[3]["publish_lines"] == []  # a proxy
        assert b"mxart go publish" in server.get("/").body


def test_nothing_can_be_published_to_a_proxy(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url)) as server:
        assert server.get("/go" + LIST, method="PUT").status == 401
        refused = server.get("/go" + LIST, method="PUT", **admin(server))
        assert refused.status == 405
        assert refused.headers["allow"] == "GET, HEAD"


def test_a_bound_host_name_is_the_repository(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    bound = 'hosts = [ { listener = "main", host = "go.example.org" } ]'
    config = go_proxy(upstream.url, bound, 'base_url = ""') + go_proxy(upstream.url, 'base_url = "/a/b"', name="other")
    with Server(tmp_path, config) as server:
        assert server.get(LIST, Host="go.example.org").body == b"v1.0.0\n"
        assert server.get(LIST).status == 404
        assert server.get("/a/b" + LIST).body == b"v1.0.0\n"
        assert server.get("/a/b" + LIST, Host="go.example.org").status in (400, 404)
        assert server.get("/-/health", Host="go.example.org").status == 200
        assert why(server, f"http://go.example.org{LIST}")["repository"] == "go"
        assert why(server, f"/a/b{LIST}")["repository"] == "other"
        page = server.get("/").body.decode()
        assert f"http://go.example.org:{server.port}" in page
        assert f"{server.url}/a/b" in page


def test_a_front_server_on_a_unix_socket_says_what_clients_see(tmp_path: Path) -> None:
    file = tmp_path / "front.sock"
    listener = f'[[listener]]\nname = "front"\nlisten = ["unix:{file}"]\n'
    fields = {"Host": "inner", "X-Forwarded-Host": "art.example.org", "X-Forwarded-Proto": "https"}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    config = listener + go_proxy("http://go.example.org")
    with Server(tmp_path, config, workers=1, server='trusted_proxies = ["unix"]') as server:
        with socket.socket(socket.AF_UNIX) as front:
            front.connect(str(file))
            front.sendall(f"GET /-/api/v1/repositories HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
            answer = front.makefile("rb").read()
        direct = server.get("/-/api/v1/repositories", **fields)
    assert b'"url": "https://art.example.org/go"' in answer
    assert b'"url": "http://inner/go"' in direct.body


def test_the_url_of_a_host_name_has_a_port_where_its_listener_has_one(tmp_path: Path) -> None:
    port = free_port()
    listeners = {"both": f'"unix:both.sock", "127.0.0.1:{port}"', "unix": '"unix:unix.sock"'}
    config = "".join(f'[[listener]]\nname = "{name}"\nlisten = [{listen}]\n' for name, listen in listeners.items())
    for name in listeners:
        bound = f'hosts = [ {{ listener = "{name}", host = "{name}.example.org" }} ]'
        config += go_proxy("http://go.example.org", bound, 'base_url = ""', name=name)
    with Server(tmp_path, config, workers=1) as server:
        listed = json.loads(server.get("/-/api/v1/repositories").body)
    assert [each["url"] for each in listed] == [f"http://both.example.org:{port}", ""]


def test_what_leads_back_here_is_a_loop_and_ends(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url)) as server:
        server.configure(go_proxy(f"{server.url}/go", "retries = 0"))
        server.reload()
        answered = server.get("/go/example.com/loop/@v/list")
        assert answered.status == 502
        assert b"leads back to it" in answered.body, "said by the inner request, and passed on"


def test_repositories_in_stores_of_their_own(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    config = (
        '[store.fast]\npath = "fast"\n' + go_proxy(upstream.url, 'store = "fast"') + go_proxy(upstream.url, name="slow")
    )
    with Server(tmp_path, config) as server:
        for name in ("go", "slow"):
            assert server.get(f"/{name}{LIST}").body == b"v1.0.0\n"
        assert upstream.count(LIST) == 2
        blobs = [len(list((tmp_path / store / "blobs").rglob("??/*"))) for store in ("fast", "data")]
        assert blobs == [1, 1]
        assert not (tmp_path / "fast/admin-password").exists()


def test_a_lost_blob_is_fetched_again(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url, 'ttl = "1 h"')) as server:
        server.get("/go" + LIST)
        (blob,) = (server.data / "blobs").rglob("??/*")
        blob.unlink()
        assert server.get("/go" + LIST).body == b"v1.0.0\n"
        assert upstream.count(LIST) == 2


def test_what_is_held_only_on_request(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url, 'ttl = "1 ms"')) as server:
        held: Answered = server.get("/go" + LIST, Disable_Module_Fetch="true")
        assert held.status == 404
        assert upstream.requests == []
        server.get("/go" + LIST)
        assert server.get("/go" + LIST, Disable_Module_Fetch="true").body == b"v1.0.0\n"
        assert upstream.count(LIST) == 1


def test_ready_says_what_is_wrong(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, go_proxy(upstream.url)) as server:
        assert json.loads(server.get("/-/ready").body)["status"] == "ready"
        document = json.loads(server.get("/-/api/v1/repositories").body)
        assert [(r["name"], r["url"], r["client_lines"]) for r in document] == [
            ("go", f"{server.url}/go", [f"go env -w GOPROXY={server.url}/go"])
        ]


@pytest.mark.parametrize("path", ["file", "file/data", "/proc/data"])
def test_a_store_that_cannot_be_kept_there_is_said(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    settings = Settings(source="", stores={"default": StoreSettings(path=tmp_path / path)})
    with pytest.raises(Unavailable, match=r"the store default cannot be kept in /.*; want a folder"):
        prepare(settings)


def test_a_new_store_needs_some_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(source="", stores={"default": StoreSettings(path=tmp_path, index_size=1 << 24)})
    with monkeypatch.context() as patch:
        patch.setattr("mxart.assembly.stores._LEAST_FREE", 1 << 62)
        with pytest.raises(StoreFull, match="the store default is full"):
            prepare(settings)
        assert not (tmp_path / "admin-password").exists()
    prepare(settings)
    monkeypatch.setattr("mxart.assembly.stores._LEAST_FREE", 1 << 62)
    prepare(settings)  # what is held can be served from a full disk


def test_a_database_gets_the_credentials_only_below_the_upstream(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    elsewhere = upstream.url.replace("127.0.0.1", "localhost")
    databases = f"{{ below = '{upstream.url}/sumdb/below', other = '{elsewhere}/x' }}"
    secret = 'auth = { token = "s3cret" }'
    with Server(tmp_path, go_proxy(upstream.url, secret, f"sumdb = {databases}", "retries = 0"), workers=1) as server:
        for name in ("below", "other"):
            server.get(f"/go/sumdb/{name}/latest")
    assert [request.headers.get("authorization") for request in upstream.requests] == ["Bearer s3cret", None]


def test_a_reload_ends_no_download(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    release = threading.Event()
    content = Module("example.com/m", "v1.0.0", {"a.bin": random.Random(1).randbytes(300_000)}).zip
    path = "/example.com/m/@v/v1.0.0.zip"
    upstream.script(path, Static(data=content).but(stall_after=200_000, release=release))  # no ETag: not to be resumed
    with Server(tmp_path, go_proxy(upstream.url), workers=1) as server:
        leaving = http.client.HTTPConnection("127.0.0.1", server.port)
        leaving.request("GET", "/go" + path)
        assert leaving.getresponse().read(1000) == content[:1000]
        leaving.close()  # nobody waits for the rest
        server.reload()
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(server.get, "/go" + path)
            with pytest.raises(TimeoutError):
                upstream.wait_for(2, timeout=1.0)
            release.set()
            assert again.result().body == content


def test_the_ceiling_of_connections_holds_over_all_workers(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def pieces(data: bytes) -> Iterator[bytes]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        yield data[: len(data) // 2]
        threading.Event().wait(0.02)  # what the upstream takes for it
        with lock:
            now[0] -= 1
        yield data[len(data) // 2 :]

    modules = [Module(f"example.com/m{i}", "v1.0.0", {"a.go": "package a\n"}) for i in range(40)]
    paths = []
    for module in modules:
        paths.append(f"/{module.path}/@v/v1.0.0.zip")
        fields = {"Content-Length": str(len(module.zip))}
        upstream.script(paths[-1], Answer(body=pieces(module.zip), headers=fields))
    with (
        Server(tmp_path, go_proxy(upstream.url, "max_connections = 3"), workers=3) as server,
        ThreadPoolExecutor(20) as pool,
    ):
        answers = list(pool.map(lambda path: server.get("/go" + path), paths))
    assert [answered.status for answered in answers] == [200] * 40
    assert most[0] == 3


def test_who_waits_too_long_in_the_queue_is_told_when_to_come_back(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    free = threading.Event()
    upstream.script(LIST, Answer(body=b"v1.0.0\n", delay=free))
    config = go_proxy(upstream.url, "max_connections = 1", 'queue_timeout = "200 ms"')
    with Server(tmp_path, config) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.get, "/go" + LIST)
        upstream.wait_for(1)
        second = server.get("/go/example.com/other/@v/list")
        assert second.status == 503
        assert int(second.headers["retry-after"]) >= 1
        free.set()
        assert first.result().status == 200


def test_an_upstream_with_a_private_authority_and_a_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with ScriptedUpstream(authority.issue("127.0.0.1")) as upstream:
        upstream.static(LIST, b"v1.0.0\n")
        secret = 'auth = { username = "ci", password_env = "UPSTREAM_PASSWORD" }'
        trusted = go_proxy(upstream.url, f'ca_file = "{authority.ca_file}"', secret)
        environ = {"UPSTREAM_PASSWORD": "s3cret"}
        with Server(tmp_path / "server", trusted + go_proxy(upstream.url, name="wary"), environ=environ) as server:
            assert server.get("/go" + LIST).body == b"v1.0.0\n"
            sent = upstream.requests[0].headers["authorization"]
            assert base64.b64decode(sent.removeprefix("Basic ")) == b"ci:s3cret"
            untrusted = server.get("/wary" + LIST)
            assert untrusted.status == 502
            assert b"certificate" in untrusted.body
            assert "s3cret" not in server.log.read_text()
