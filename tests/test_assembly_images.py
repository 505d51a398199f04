"""The site as a whole, with container repositories: where they are, who may, and what goes out."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.certs import Authority
from tests.support.images import Image, artifact, image
from tests.support.registryclient import Refused, RegistryClient, codes_of
from tests.support.server import Answered, Server, docker_group, docker_hosted, docker_proxy, free_port, go_proxy
from tests.support.upstream import ScriptedUpstream

PUBLIC, PRIVATE = image("public", padding=70_000), image("private")
BOUND = "images.example.org"
CLOSED = '[access]\nanonymous = "none"\n'
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def offer(upstream: ScriptedUpstream, name: str, tag: str, made: Image) -> None:
    """The upstream has the image, as registries have theirs."""
    for blob in made.all_blobs().values():
        upstream.static(f"/v2/{name}/blobs/{blob.digest}", blob.data, etag=f'"{blob.digest}"')
    for reference in (tag, made.digest):
        upstream.static(
            f"/v2/{name}/manifests/{reference}",
            made.manifest.data,
            media_type=made.manifest.media_type,
            headers={"Docker-Content-Digest": made.digest},
        )


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        offer(upstream, "library/app", "1", PUBLIC)
        yield upstream


def config(upstream: ScriptedUpstream, *, access: str = "", rules: Sequence[str] = ()) -> str:
    hosts = f'hosts = [ {{ listener = "main", host = "{BOUND}" }} ]'
    return (
        access
        + docker_group("all", ["house", "hub"], 'publish_to = "house"', *rules)
        + docker_hosted("house", hosts)
        + docker_proxy(upstream.url, 'namespaces = ["docker.io", "registry.example:5000"]', "retries = 0")
        + go_proxy(upstream.url)
    )


def client(server: Server, base: str = "/v2/house") -> RegistryClient:
    return RegistryClient(server.port, base, ("admin", server.admin_password))


def pushed(server: Server) -> None:
    """The house has an image of its own."""
    with client(server) as admin:
        admin.push("corp/tool", "1", PRIVATE)


@dataclass(frozen=True)
class Challenge:
    """What an answer says of how to log in."""

    realm: str
    service: str
    scope: str = ""
    error: str = ""


def challenge(answered: Answered) -> Challenge:
    assert answered.status == 401
    assert codes_of(answered) == ["UNAUTHORIZED"]
    field = answered.headers["www-authenticate"]
    assert field.startswith("Bearer ")
    return Challenge(**dict(_CHALLENGE.findall(field)))


def basic(server: Server) -> dict[str, str]:
    return {"Authorization": client(server).basic}


def token(server: Server, query: str, **headers: str) -> dict[str, str]:
    answered = server.get(f"/-/token?service=x&{query}", **headers)
    assert answered.status == 200, answered.body
    return {"Authorization": f"Bearer {json.loads(answered.body)['token']}"}


# --- where they are ---


# path, host, of the upstream or of the house, the namespace that is confirmed
PLACES = [
    ("/v2/hub/library/app/manifests/1", "", PUBLIC, None),
    ("/v2/hub/app/manifests/2", "", PUBLIC, None),
    ("/v2/all/library/app/manifests/3", "", PUBLIC, None),
    ("/v2/library/app/manifests/4?ns=docker.io", "", PUBLIC, "docker.io"),
    ("/v2/all/library/app/manifests/5?ns=docker.io", "", PUBLIC, None),
    ("/v2/hub/library/app/manifests/6?ns=docker.io", "", PUBLIC, "docker.io"),
    ("/v2/house/corp/tool/manifests/1", "", PRIVATE, None),
    ("/v2/all/corp/tool/manifests/1", "", PRIVATE, None),
    ("/v2/corp/tool/manifests/1", BOUND, PRIVATE, None),
    ("/v2/corp/tool/manifests/1", f"{BOUND.upper()}.:5000", PRIVATE, None),
    ("/v2/corp/tool/manifests/1?ns=docker.io", BOUND, PRIVATE, None),
]


def test_an_image_is_had_by_path_by_host_and_by_namespace(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    for tag in "23456":
        offer(upstream, "library/app", tag, PUBLIC)
    with Server(tmp_path, config(upstream), workers=1) as server:
        pushed(server)
        for path, host, expected, namespace in PLACES:
            upstream.requests.clear()
            answered = server.get(path, **({"Host": host} if host else {}))
            assert (answered.status, answered.body) == (200, expected.manifest.data), path
            assert answered.headers["docker-content-digest"] == expected.digest
            assert answered.headers["content-type"] == expected.manifest.media_type
            assert answered.headers.get("oci-namespace") == namespace, path
            tag = path.partition("?")[0].rpartition("/")[2]
            seen = [f"/v2/library/app/manifests/{tag}"] if expected is PUBLIC else []
            assert [request.path for request in upstream.requests] == seen


def test_a_path_that_leads_to_a_proxy_of_the_registry_is_not_taken_for_a_name_there(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """Of two proxies with one namespace, as with two accounts, the first answers where no path says which."""
    with ScriptedUpstream() as other:
        offer(other, "library/app", "1", PRIVATE)
        second = docker_proxy(other.url, 'namespaces = ["docker.io"]', name="second")
        group = docker_group("seconds", ["second"])
        with Server(tmp_path, config(upstream) + second + group, workers=1) as server:
            for base in ("second", "seconds"):
                answered = server.get(f"/v2/{base}/library/app/manifests/1?ns=docker.io")
                assert (answered.status, answered.body) == (200, PRIVATE.manifest.data)
            assert upstream.requests == []
            assert server.get("/v2/library/app/manifests/1?ns=docker.io").body == PUBLIC.manifest.data


def test_a_proxy_behind_groups_only_is_not_reached_past_their_rules(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    hidden = docker_proxy(upstream.url, 'namespaces = ["ghcr.io", "docker.io"]', 'base_url = ""', name="hidden")
    group = docker_group("ruled", ["hidden"])
    with Server(tmp_path, hidden + group + config(upstream), workers=1) as server:
        assert codes_of(server.get("/v2/library/app/manifests/1?ns=ghcr.io")) == ["MANIFEST_UNKNOWN"]
        for name in "ghcr.io", "docker.io":
            answered = server.get(f"/v2/ruled/library/app/manifests/1?ns={name}")
            assert (answered.body, answered.headers.get("oci-namespace")) == (PUBLIC.manifest.data, None)
        answered = server.get("/v2/library/app/manifests/1?ns=docker.io")
        assert (answered.body, answered.headers["oci-namespace"]) == (PUBLIC.manifest.data, "docker.io")
        assert server.get("/v2/hub/library/app/manifests/1").headers["cache-status"] == "mxart; hit"


# path, host, status, code
NOWHERE = [
    ("/v2/nothing/app/manifests/1", "", 404, "MANIFEST_UNKNOWN"),
    ("/v2/app/manifests/1", "", 404, "MANIFEST_UNKNOWN"),
    ("/v2/library/app/manifests/1?ns=ghcr.io", "", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nothing/app/tags/list", "", 404, "NAME_UNKNOWN"),
    ("/v2/house/corp/tool/manifests/1", BOUND, 404, "MANIFEST_UNKNOWN"),  # there, all is the house's
    ("/v2/house/corp/tool/manifests/2", "", 404, "MANIFEST_UNKNOWN"),
    ("/v2/house/Corp/manifests/1", "", 400, "NAME_INVALID"),
    ("/v2/nothing/Corp/manifests/1", "", 400, "NAME_INVALID"),
    ("/v2/nothing", "", 404, "NAME_UNKNOWN"),
    ("/v2/_catalog/", "", 404, "NAME_UNKNOWN"),
    ("/v2/house", "", 401, "UNAUTHORIZED"),
]


def test_what_is_not_there_is_said_in_the_words_of_engines(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=1) as server:
        for path, host, status, code in NOWHERE:
            answered = server.get(path, **({"Host": host} if host else {}))
            assert (answered.status, codes_of(answered)) == (status, [code]), path
        assert upstream.requests == []


def test_a_host_name_on_tls_is_the_repository(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    issued = [authority.issue("localhost"), authority.issue(BOUND)]
    pairs = ", ".join(f'{{ certificate = "{each.certificate}", key = "{each.key}" }}' for each in issued)
    listener = f'[[listener]]\nname = "tls"\nlisten = ["127.0.0.1:{port}"]\ntls = [ {pairs} ]\n'
    hosts = f'hosts = [ {{ listener = "tls", host = "{BOUND}" }} ]'
    with Server(tmp_path / "server", listener + docker_hosted("house", hosts), workers=1) as server:
        pushed(server)
        trusted = ssl.create_default_context(cafile=str(authority.ca_file))

        def get(name: str, path: str) -> tuple[int, bytes, str]:
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20)
            connection.connect = lambda: None  # type: ignore[method-assign]
            plain = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            plain.connect()
            connection.sock = trusted.wrap_socket(plain.sock, server_hostname=name)
            connection.request("GET", path, headers={"Host": f"{name}:{port}"})
            answer = connection.getresponse()
            found = answer.status, answer.read(), answer.headers.get("WWW-Authenticate", "")
            connection.close()
            return found

        assert get(BOUND, "/v2/corp/tool/manifests/1")[:2] == (200, PRIVATE.manifest.data)
        assert get("localhost", "/v2/house/corp/tool/manifests/1")[:2] == (200, PRIVATE.manifest.data)
        assert get("localhost", "/v2/corp/tool/manifests/1")[0] == 404
        assert f'realm="https://{BOUND}:{port}/-/token",service="{BOUND}:{port}"' in get(BOUND, "/v2/")[2]


# --- the root ---


@pytest.mark.parametrize("host", ["", BOUND])
@pytest.mark.parametrize("access", ["", CLOSED])
def test_the_root_says_how_to_log_in(tmp_path: Path, upstream: ScriptedUpstream, access: str, host: str) -> None:
    fields = {"Host": host} if host else {}
    with Server(tmp_path, config(upstream, access=access), workers=1) as server:
        authority = host or f"127.0.0.1:{server.port}"
        for path in ("/v2/", "/v2"):
            asked = challenge(server.get(path, **fields))
            assert asked == Challenge(f"http://{authority}/-/token", authority)
        for login in (basic(server), token(server, "", **basic(server), **fields)):
            answered = server.get("/v2/", **login, **fields)
            assert (answered.status, answered.body) == (200, b"{}")
            assert answered.headers["docker-distribution-api-version"] == "registry/2.0"
        wrong = server.get("/v2/", Authorization="Basic YWRtaW46d3Jvbmc=", **fields)
        assert challenge(wrong).realm == f"http://{authority}/-/token"
        anonymous = server.get("/-/token?service=x", **fields)
        assert anonymous.status == (401 if access else 200)
        if not access:
            assert server.get("/v2/", **token(server, "", **fields), **fields).status == 200


def catalog(server: Server, path: str = "/v2/_catalog", **headers: str) -> list[str]:
    answered = server.get(path, **headers)
    assert answered.status == 200, answered.body
    found: list[str] = json.loads(answered.body)["repositories"]
    return found


EVERYTHING = ["all/corp/tool", "all/library/app", "house/corp/tool", "hub/library/app"]


def test_the_catalog_names_all_images_of_all_repositories(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=1) as server:
        assert catalog(server) == []
        pushed(server)
        server.get("/v2/hub/app/manifests/1")
        server.get("/v2/hub/absent/manifests/1")
        before = len(upstream.requests)
        assert catalog(server) == EVERYTHING
        assert catalog(server, "/v2/_catalog?n=2&last=all/library/app") == EVERYTHING[2:]
        assert catalog(server, "/v2/hub/_catalog") == ["hub/library/app"]
        assert catalog(server, Host=BOUND) == ["corp/tool"]
        assert len(upstream.requests) == before


def test_a_closed_catalog_wants_a_token(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream, access=CLOSED), workers=1) as server:
        pushed(server)
        asked = challenge(server.get("/v2/_catalog"))
        assert asked.scope == "registry:catalog:*"
        scope = f"scope={quote(asked.scope)}"
        assert catalog(server, **token(server, scope, **basic(server))) == ["all/corp/tool", "house/corp/tool"]
        assert catalog(server, **basic(server)) == ["all/corp/tool", "house/corp/tool"]
        other = token(server, "scope=repository:house/corp/tool:pull", **basic(server))
        assert challenge(server.get("/v2/_catalog", **other)).error == "insufficient_scope"
        assert server.get(f"/-/token?{scope}").status == 401
        good = token(server, scope, **basic(server))
        assert challenge(server.get("/v2/house/corp/tool/manifests/1", **good)).error == "insufficient_scope"


# --- who may ---


# path of an image, host, query that is kept, scope
NAMES = [
    ("/v2/house/corp/tool", "", "", "repository:house/corp/tool:pull"),
    ("/v2/all/corp/tool", "", "", "repository:all/corp/tool:pull"),
    ("/v2/corp/tool", BOUND, "", "repository:corp/tool:pull"),
    ("/v2/library/app", "", "?ns=docker.io", "repository:library/app:pull"),
    ("/v2/library/app", "", "?ns=registry.example%3A5000", "repository:library/app:pull"),  # as containerd sends it
]


def test_the_realm_knows_an_image_by_the_name_that_the_client_has_for_it(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with Server(tmp_path, config(upstream, access=CLOSED), workers=1) as server:
        pushed(server)
        for path, host, kept, scope in NAMES:
            fields = {"Host": host} if host else {}
            manifest = f"{path}/manifests/1{kept}"
            asked = challenge(server.get(manifest, **fields))
            authority = host or f"127.0.0.1:{server.port}"
            assert asked == Challenge(f"http://{authority}/-/token{kept}", authority, scope)
            query = f"{kept.removeprefix('?')}&scope={quote(asked.scope)}"
            good = token(server, query, **basic(server), **fields)
            assert server.get(manifest, **good, **fields).status == 200
            sibling = manifest.replace("/manifests", "s/manifests")
            assert challenge(server.get(sibling, **good, **fields)).error == "insufficient_scope"
            nowhere = token(server, f"scope={quote(asked.scope.replace(':pull', 's:pull'))}", **basic(server), **fields)
            assert challenge(server.get(manifest, **nowhere, **fields)).error == "insufficient_scope"


def test_the_realm_knows_an_image_also_where_the_server_is_below_a_path(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    public = 'public_url = "https://example.org/art"'
    with Server(tmp_path, config(upstream, access=CLOSED), workers=1, server=public) as server:
        path = "/v2/hub/library/app/manifests/1"
        asked = challenge(server.get(path))
        assert (asked.realm, asked.scope) == ("https://example.org/art/-/token", "repository:hub/library/app:pull")
        assert server.get(path, **token(server, f"scope={quote(asked.scope)}", **basic(server))).status == 200
        assert catalog(server, "/v2/hub/_catalog", **basic(server)) == ["hub/library/app"]


def test_a_push_goes_with_a_token_or_with_basic_and_with_no_other(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=2) as server:
        login = ("admin", server.admin_password)
        with RegistryClient(server.port, "/v2/all", login, tokens=True) as engine:
            engine.push("corp/tool", "1", PRIVATE)
        with RegistryClient(server.port, "/v2/house", login) as straight:
            straight.push("corp/other", "1", PRIVATE)
        with RegistryClient(server.port, "/v2/all") as anybody:
            assert anybody.pull("corp/tool", "1") == anybody.pull("corp/other", "1") == PRIVATE.digest
        uploads = "/v2/house/corp/tool/blobs/uploads/"
        refused = server.request("POST", uploads, user="")
        assert challenge(refused).scope == "repository:house/corp/tool:pull,push"
        for query, login_ in (
            ("scope=repository:house/corp/tool:pull", basic(server)),
            ("scope=repository:house/corp/other:pull,push", basic(server)),
            ("scope=repository:hub/corp/tool:pull,push", basic(server)),
            ("scope=repository:house/corp/tool:pull,push", {}),
        ):
            answered = server.get(uploads, method="POST", **token(server, query, **login_))
            assert challenge(answered).error == "insufficient_scope", query
        good = token(server, "scope=repository:house/corp/tool:push", **basic(server))
        assert server.get(uploads, method="POST", **good).status == 202
        assert {request.method for request in upstream.requests} <= {"HEAD"}  # of who had not said yet who asks


def test_to_a_proxy_nothing_is_pushed(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=1) as server, client(server, "/v2/hub") as admin:
        for method, path in (("POST", "app/blobs/uploads/"), ("PUT", "app/manifests/1"), ("DELETE", "app/manifests/1")):
            answered = admin.ask(method, admin.path(path), PUBLIC.manifest.data if method == "PUT" else b"")
            assert (answered.status, codes_of(answered)) == (405, ["UNSUPPORTED"])
        assert upstream.requests == []


# --- what goes out ---


def test_a_pull_fetches_each_thing_once_and_a_look_nothing(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    layer = max(PUBLIC.blobs, key=lambda blob: len(blob.data))
    with Server(tmp_path, config(upstream), workers=2) as server:
        path = f"/v2/hub/app/blobs/{layer.digest}"
        looked = server.get(path, method="HEAD")
        assert looked.status == 200
        assert looked.headers["content-length"] == str(len(layer.data))
        assert looked.headers["docker-content-digest"] == layer.digest
        assert server.get(path, method="HEAD", If_None_Match=looked.headers["etag"]).status == 304
        assert {request.method for request in upstream.requests} == {"HEAD"}
        upstream.requests.clear()
        for base in ("/v2/all", "/v2/hub", "/v2/all"):
            with RegistryClient(server.port, base) as engine:
                assert engine.pull("library/app", "1") == PUBLIC.digest
        wanted = ["manifests/1", *(f"blobs/{blob.digest}" for blob in PUBLIC.blobs)]
        assert sorted(request.path for request in upstream.requests) == sorted(f"/v2/library/app/{w}" for w in wanted)
        assert {request.method for request in upstream.requests} == {"GET"}


def test_of_an_owned_image_nobody_outside_hears(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    offer(upstream, "corp/tool", "2", PUBLIC)
    offer(upstream, "library/tool", "2", PUBLIC)
    layer, about = PUBLIC.blobs[0].digest, artifact("a/b", b"about it", PRIVATE)
    with Server(tmp_path, config(upstream), workers=1) as server, client(server, "/v2/all") as admin:
        admin.push("corp/tool", "1", PRIVATE)
        admin.push("library/tool", "1", PRIVATE)
        admin.push("corp/tool", "about", about)
        for name in ("corp/tool", "library/tool", "tool"):
            for method in ("GET", "HEAD"):
                for what in ("manifests/2", f"manifests/{PUBLIC.digest}", f"blobs/{layer}"):
                    for login in ({}, basic(server)):
                        assert server.get(f"/v2/all/{name}/{what}", method=method, **login).status == 404
        found = json.loads(server.get(f"/v2/all/corp/tool/referrers/{PRIVATE.digest}").body)
        assert [each["digest"] for each in found["manifests"]] == [about.digest]
        assert json.loads(server.get(f"/v2/all/corp/tool/referrers/{PUBLIC.digest}").body)["manifests"] == []
        assert json.loads(server.get("/v2/all/corp/tool/tags/list").body)["tags"] == ["1", "about"]
        assert catalog(server)[:2] == ["all/corp/tool", "all/library/tool"]
        for source in ("all/corp/tool", "hub/library/app", "hub/corp/tool", "nothing/x", "all/tool"):
            place = f"/v2/all/corp/tool/blobs/uploads/?mount={layer}&from={source}"
            assert server.request("POST", place).status == 202
        assert server.request("POST", f"/v2/all/corp/tool/blobs/uploads/?mount={layer}").status == 202
        assert upstream.requests == []


def test_what_a_group_blocks_or_leaves_to_another_is_not_had_by_its_short_name(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    rules = ('block = ["library/bad"]', 'exclusive = { "house" = ["library/ours"] }')
    for name in ("library/bad", "library/ours"):
        offer(upstream, name, "1", PUBLIC)
    outer = docker_group("outer", ["all"], 'block = ["library/app"]')
    with Server(tmp_path, outer + config(upstream, rules=rules), workers=1) as server:
        for name, status in (("library/bad", 403), ("bad", 403), ("library/ours", 404), ("ours", 404)):
            for base in ("all", "outer"):
                assert server.get(f"/v2/{base}/{name}/manifests/1").status == status, name
                assert server.get(f"/v2/{base}/{name}/tags/list").status == status, name
        assert server.get("/v2/outer/app/manifests/1").status == 403
        assert upstream.requests == []
        assert server.get("/v2/all/app/manifests/1").status == 200


def test_a_blob_of_another_repository_is_taken_over_without_being_sent(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    layer = PUBLIC.blobs[0].digest
    with Server(tmp_path, config(upstream), workers=1) as server:
        server.get(f"/v2/hub/app/blobs/{layer}")
        upstream.requests.clear()
        place = f"/v2/all/corp/new/blobs/uploads/?mount={layer}&from=hub/library/app"
        mounted = server.request("POST", place)
        assert mounted.status == 201
        assert server.get(mounted.headers["location"]).body == PUBLIC.blobs[0].data
        assert server.get(f"/v2/house/corp/new/blobs/{layer}").status == 200
        assert server.get(f"/v2/house/corp/old/blobs/{layer}").status == 404
        assert upstream.requests == []


def test_who_may_write_is_told_what_is_where_the_push_goes(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    layer = PUBLIC.blobs[0].digest
    path = f"/v2/all/library/app/blobs/{layer}"
    with Server(tmp_path, config(upstream), workers=1) as server:
        assert server.get(path).status == 200  # from the proxy
        assert server.get(path, method="HEAD").status == 200
        assert server.get(path, method="HEAD", **basic(server)).status == 404
        assert server.get(path, **basic(server)).status == 200
        with client(server, "/v2/all") as admin:
            admin.push("library/app", "mine", PUBLIC)
            assert admin.pull("library/app", "mine") == PUBLIC.digest


def test_an_upstream_that_is_away_is_no_absence(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=1) as server:
        upstream.stop()
        for path in ("/v2/hub/app/manifests/1", f"/v2/all/app/blobs/{PUBLIC.blobs[0].digest}"):
            for method in ("GET", "HEAD"):
                answered = server.get(path, method=method)
                assert answered.status == 503
                assert method == "HEAD" or codes_of(answered) == ["UNAVAILABLE"]
                assert int(answered.headers["retry-after"]) >= 1


def test_a_reload_keeps_uploads_and_tokens(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Server(tmp_path, config(upstream), workers=2) as server, client(server) as admin:
        good = token(server, "scope=repository:house/corp/tool:pull,push", **basic(server))
        place = admin.append(admin.begin("corp/tool"), b"first ")
        server.reload()
        admin.connection.close()
        assert server.get(place, **good).headers["range"] == "0-5"
        with pytest.raises(Refused) as caught:
            admin.finish(place, PUBLIC.blobs[0].digest, b"wrong")
        assert (caught.value.status, caught.value.codes) == (400, ["DIGEST_INVALID"])
        assert server.get(place, **good).status == 404
