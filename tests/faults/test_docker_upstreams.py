"""What a registry upstream gets wrong: nothing of it is kept, no client is told that there is no such image, and what
is held is served all the while."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import DOCKER_MANIFEST, OCI_MANIFEST, Blob, Image, artifact, image, referrers
from tests.support.registryclient import Cut, Refused, RegistryClient, codes_of, digest_of
from tests.support.server import Server, docker_proxy
from tests.support.upstream import Answer, Behaviour, ScriptedUpstream, Seen, Static

pytestmark = pytest.mark.fault

NAME = "library/app"
IMAGE = image("well met", padding=300_000)
OTHER = image("another", padding=300_000)
CONFIG, _, LAYER = IMAGE.blobs  # the layer is so large that it is given out while it comes
MANIFEST = IMAGE.manifest
CUT = 0  # among statuses: the connection may break in the body
PATIENT = ("retries = 0", 'idle_timeout = "1 s"', 'connect_timeout = "1 s"', 'negative_ttl = "1 s"')


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def manifest_path(reference: str) -> str:
    return f"/v2/{NAME}/manifests/{reference}"


def blob_path(blob: Blob) -> str:
    return f"/v2/{NAME}/blobs/{blob.digest}"


def right(content: Blob) -> Static:
    """The answer of a good registry."""
    headers = {"Docker-Content-Digest": content.digest}
    return Static(data=content.data, media_type=content.media_type, etag=f'"{content.digest}"', headers=headers)


def offer(upstream: ScriptedUpstream, offered: Image) -> None:
    """The upstream has the image under the tag "1", and nothing wrong with it."""
    for reference in ("1", offered.digest):
        upstream.script(manifest_path(reference), right(offered.manifest))
    for blob in offered.blobs:
        upstream.script(blob_path(blob), right(blob))


def document(data: bytes) -> Answer:
    return Answer(headers={"Content-Type": OCI_MANIFEST}, body=data)


def endless(_: Seen) -> Answer:
    """Spaces without an end that is told: JSON allows them."""
    return Answer(headers={"Content-Type": OCI_MANIFEST}, framing="chunked", body=iter([b" " * 65536] * 200))


LARGE = Blob(OCI_MANIFEST, MANIFEST.data + b" " * (4 << 20))
SCHEMA_1 = json.dumps({"schemaVersion": 1, "name": NAME, "tag": "1", "fsLayers": [], "history": []}).encode()
SHORT = right(LAYER).but(cut_after=100_000)

LIES: dict[str, tuple[str, Behaviour, set[int]]] = {
    # by digest: it must be that
    "another layer": (blob_path(LAYER), Static(data=OTHER.blobs[2].data, etag='"1"'), {CUT, 502}),
    "a layer with a wrong end": (blob_path(LAYER), Static(data=LAYER.data[:-1] + b"!", etag='"1"'), {CUT, 502}),
    "a layer that is too long": (blob_path(LAYER), Static(data=LAYER.data + b"!", etag='"1"'), {CUT, 502}),
    "a layer of no length": (blob_path(LAYER), Answer(framing="close", body=LAYER.data[:-1]), {CUT, 502}),
    "an empty layer": (blob_path(LAYER), Answer(), {502}),
    "another configuration": (blob_path(CONFIG), right(OTHER.blobs[0]), {502}),
    "a page instead of a blob": (blob_path(CONFIG), Answer(body=b"<html>log in</html>"), {502}),
    "another manifest": (manifest_path(MANIFEST.digest), right(OTHER.manifest), {502}),
    "its manifest with one space more": (manifest_path(MANIFEST.digest), document(MANIFEST.data + b" "), {502}),
    # what is no manifest
    "JSON garbage": (manifest_path("1"), document(b'{"schemaVersion": 2, "layers": ['), {502}),
    "a list": (manifest_path("1"), document(b"[]"), {502}),
    "lists in lists": (manifest_path("1"), document(b"[" * 1_000_000), {502}),
    "not a number": (manifest_path("1"), document(b'{"schemaVersion": NaN}'), {502}),
    "no text": (manifest_path("1"), document(b'{"a": "\xff"}'), {502}),
    "a page": (manifest_path("1"), Answer(headers={"Content-Type": "text/html"}, body=b"<html>log in</html>"), {502}),
    "nothing": (manifest_path("1"), document(b""), {502}),
    "schema 1": (manifest_path("1"), document(SCHEMA_1), {502}),
    "larger than 4 MiB": (manifest_path("1"), right(LARGE), {502}),
    "larger than 4 MiB, in chunks": (manifest_path("1"), right(LARGE).but(framing="chunked"), {502}),
    "without an end": (manifest_path("1"), endless, {502}),
    "said to have 5 GiB": (manifest_path("1"), document(MANIFEST.data).but(claim=5 << 30), {502}),
    # what does not come
    "a layer that breaks off": (blob_path(LAYER), SHORT, {CUT, 502, 503}),
    "a layer that is reset": (blob_path(LAYER), SHORT.but(reset=True), {CUT, 502, 503}),
    "a layer that stalls": (blob_path(LAYER), right(LAYER).but(stall_after=100_000), {CUT, 502, 503}),
    "a layer whose head stalls": (blob_path(LAYER), right(LAYER).but(delay=threading.Event()), {502, 503}),
    "a manifest that breaks off": (manifest_path("1"), right(MANIFEST).but(cut_after=100), {502, 503}),
    "a manifest that stalls": (manifest_path("1"), right(MANIFEST).but(stall_after=100), {502, 503}),
    "a manifest whose head stalls": (manifest_path("1"), right(MANIFEST).but(delay=threading.Event()), {502, 503}),
    "a manifest that is reset": (manifest_path("1"), Answer(reset=True), {502, 503}),
    "too many requests": (manifest_path("1"), Answer(status=429, headers={"Retry-After": "1"}), {503}),
    "an error": (manifest_path("1"), Answer(status=500), {502, 503}),
    "not now": (blob_path(CONFIG), Answer(status=503), {503}),
    "a redirect to itself": (manifest_path("1"), Answer(status=307, headers={"Location": manifest_path("1")}), {502}),
}


def refusal(client: RegistryClient, reference: str) -> int:
    """The status of a pull that is refused in the registry's own words; CUT for one that broke off."""
    try:
        client.pull(NAME, reference)
    except Cut:
        return CUT
    except Refused as refused:
        assert len(refused.codes) == 1, refused
        return refused.status
    raise AssertionError("the image has come")


def held(server: Server) -> set[str]:
    """The digests of what the store has, each the right one."""
    files = [file for file in (server.data / "blobs").rglob("*/??/*") if file.is_file()]
    digests = {digest_of(file.read_bytes()) for file in files}
    assert digests == {f"sha256:{file.name}" for file in files}
    return digests


def pull_eventually(client: RegistryClient, reference: str = "1") -> str:
    """What comes at once, or once the time is over that a refusal names."""
    for _ in range(5):
        try:
            return client.pull(NAME, reference)
        except Refused as refused:
            assert refused.status in (502, 503), refused
            threading.Event().wait(refused.retry_after)
    raise AssertionError("it never came")


@pytest.mark.parametrize("lie", LIES)
def test_what_a_registry_gets_wrong_is_never_kept(tmp_path: Path, upstream: ScriptedUpstream, lie: str) -> None:
    path, behaviour, statuses = LIES[lie]
    offer(upstream, IMAGE)
    upstream.script(path, behaviour)
    reference = path.rpartition("/")[2] if "/manifests/" in path else "1"
    with (
        Server(tmp_path, docker_proxy(upstream.url, *PATIENT)) as server,
        RegistryClient(server.port, "/v2/hub") as client,
    ):
        assert refusal(client, reference) in statuses
        asked_right = {MANIFEST.digest, CONFIG.digest, IMAGE.blobs[1].digest}
        assert held(server) <= (asked_right if "/blobs/" in path else set()) - {path.rpartition("/")[2]}
        offer(upstream, IMAGE)
        assert pull_eventually(client, reference) == IMAGE.digest
        assert held(server) == {MANIFEST.digest, *IMAGE.all_blobs()}


def test_what_a_tag_is_said_to_be_is_not_believed(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    """The client is told what came, not what the upstream's header says; and is told it again after each look."""
    offer(upstream, IMAGE)
    lying = Static(data=MANIFEST.data, media_type=DOCKER_MANIFEST, headers={"Docker-Content-Digest": OTHER.digest})
    upstream.script(manifest_path("1"), lying)
    config = docker_proxy(upstream.url, 'tag_ttl = { "*" = "0 s" }')
    with Server(tmp_path, config) as server, RegistryClient(server.port, "/v2/hub") as client:
        for _ in range(3):
            head = client.want(200, "HEAD", client.path(f"{NAME}/manifests/1"))
            assert head.headers["docker-content-digest"] == IMAGE.digest
            assert client.manifest(NAME, "1") == MANIFEST  # of its own media type, too
        assert client.pull(NAME, "1") == IMAGE.digest
        with pytest.raises(Refused) as refused:
            client.manifest(NAME, OTHER.digest)
        assert (refused.value.status, refused.value.codes) == (404, ["MANIFEST_UNKNOWN"])
        assert held(server) == {MANIFEST.digest, *IMAGE.all_blobs()}


HEADS: dict[str, Behaviour] = {
    "an error": Answer(status=500),
    "not now": Answer(status=503),
    "too many requests": Answer(status=429, headers={"Retry-After": "1"}),
    "reset": Answer(reset=True),
    "stalls": Answer(delay=threading.Event()),
}


@pytest.mark.parametrize("wrong", HEADS)
def test_a_head_that_fails_is_not_an_image_that_is_not_there(
    tmp_path: Path, upstream: ScriptedUpstream, wrong: str
) -> None:
    """Clients take 404 for "it has to be pushed", or ask the next registry for another image of that name."""
    paths = [manifest_path("1"), manifest_path(MANIFEST.digest), blob_path(LAYER)]
    for path in paths:
        upstream.script(path, HEADS[wrong])
    with (
        Server(tmp_path, docker_proxy(upstream.url, *PATIENT)) as server,
        RegistryClient(server.port, "/v2/hub") as client,
    ):
        for path in paths:
            assert client.ask("HEAD", path.replace("/v2/", "/v2/hub/", 1)).status in (502, 503)


def page(body: bytes, following: str = "") -> Answer:
    link = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Answer(headers={"Content-Type": "application/json", **link}, body=body)


TAGS, REFERRERS = f"/v2/{NAME}/tags/list", f"/v2/{NAME}/referrers/{IMAGE.digest}"
SECOND = f"{TAGS}?n=1&last=1"
FIRST_PAGE = page(b'{"name": "library/app", "tags": ["1"]}', SECOND)
WHOLE = page(b'{"name": "library/app", "tags": ["1", "2"]}')
LISTS: dict[str, dict[str, Behaviour]] = {
    "tags: an error": {TAGS: Answer(status=500)},
    "tags: reset": {TAGS: Answer(reset=True)},
    "tags: stalls": {TAGS: WHOLE.but(stall_after=10)},
    "tags: breaks off": {TAGS: WHOLE.but(cut_after=10)},
    "tags: garbage": {TAGS: page(b'{"tags": ')},
    "tags: a page": {TAGS: Answer(headers={"Content-Type": "text/html"}, body=b"<html>log in</html>")},
    "tags: a text": {TAGS: page(b'{"tags": "1"}')},
    "tags: 17 MiB": {TAGS: page(b'{"tags": [' + b" " * (17 << 20) + b"]}")},
    "tags: the second page is an error": {TAGS: FIRST_PAGE, SECOND: Answer(status=500)},
    "tags: the second page is not there": {TAGS: FIRST_PAGE, SECOND: Answer(status=404)},
    "tags: the second page stalls": {TAGS: FIRST_PAGE, SECOND: WHOLE.but(stall_after=10)},
    "tags: the second page is garbage": {TAGS: FIRST_PAGE, SECOND: page(b"[")},
    "tags: the second page is of somebody else": {TAGS: page(WHOLE.body, "http://registry.example/v2/x/tags/list")},
    "tags: page after page": {TAGS: FIRST_PAGE, SECOND: page(b'{"tags": []}', SECOND)},
    "referrers: an error": {REFERRERS: Answer(status=500)},
    "referrers: not now": {REFERRERS: Answer(status=503)},
    "referrers: reset": {REFERRERS: Answer(reset=True)},
    "referrers: stalls": {REFERRERS: Answer(delay=threading.Event())},
    "referrers: stalls in the list": {REFERRERS: page(b'{"manifests": []}').but(stall_after=10)},
    "referrers: breaks off": {REFERRERS: page(b'{"manifests": []}').but(cut_after=10)},
}


@pytest.mark.parametrize("wrong", LISTS)
def test_a_list_that_cannot_be_had_is_not_a_short_one(tmp_path: Path, upstream: ScriptedUpstream, wrong: str) -> None:
    asked = TAGS if TAGS in LISTS[wrong] else REFERRERS
    for path, behaviour in LISTS[wrong].items():
        upstream.script(path, behaviour)
    with (
        Server(tmp_path, docker_proxy(upstream.url, *PATIENT)) as server,
        RegistryClient(server.port, "/v2/hub") as client,
    ):
        answered = client.ask("GET", asked.replace("/v2/", "/v2/hub/", 1))
        assert answered.status in (502, 503), answered.body
        assert len(codes_of(answered)) == 1
        assert held(server) == set()


NO_REFERRERS = {
    "garbage": page(b"{"),
    "a text": page(b'{"manifests": "none"}'),
    "no descriptor": page(b'{"manifests": [{"digest": 5}]}'),
    "a page": Answer(headers={"Content-Type": "text/html"}, body=b"<html>log in</html>"),
    "a question that it does not know": Answer(status=405),
}


@pytest.mark.parametrize("wrong", NO_REFERRERS)
def test_what_is_no_list_of_referrers_is_none_and_takes_no_other_away(
    tmp_path: Path, upstream: ScriptedUpstream, wrong: str
) -> None:
    """Registries that do not know of referrers say so in many ways; one that has told of some does know."""
    signature = artifact("application/vnd.example.signature", b"signed", IMAGE)
    with (
        Server(tmp_path, docker_proxy(upstream.url, *PATIENT, 'ttl = "1 ms"')) as server,
        RegistryClient(server.port, "/v2/hub") as client,
    ):
        upstream.script(REFERRERS, page(referrers(signature).manifest.data))
        assert referring(client, IMAGE) == [signature.digest]
        upstream.script(REFERRERS, NO_REFERRERS[wrong])
        upstream.script(f"/v2/{NAME}/referrers/{OTHER.digest}", NO_REFERRERS[wrong])
        assert referring(client, IMAGE) == [signature.digest]
        assert upstream.count(REFERRERS) == 2, "it was asked again"
        assert referring(client, OTHER) == []
        assert len(held(server)) == 1


def referring(client: RegistryClient, subject: Image) -> list[str]:
    answered = client.want(200, "GET", client.path(f"{NAME}/referrers/{subject.digest}"))
    return [each["digest"] for each in json.loads(answered.body)["manifests"]]


TOKEN = f"/token?service=registry.test&scope=repository%3A{NAME.replace('/', '%2F')}%3Apull"


def guarded(realm: str, token: str, behaviour: Behaviour) -> Behaviour:
    """The same for who has that token, which the realm gives."""
    challenge = f'Bearer realm="{realm}/token",service="registry.test",scope="repository:{NAME}:pull"'

    def answer(seen: Seen) -> Answer:
        if seen.headers.get("authorization") == f"Bearer {token}":
            return behaviour(seen)
        return Answer(status=401, headers={"WWW-Authenticate": challenge})

    return answer


def offer_guarded(upstream: ScriptedUpstream, realm: str, token: str) -> None:
    for reference in ("1", IMAGE.digest):
        upstream.script(manifest_path(reference), guarded(realm, token, right(MANIFEST)))
    for blob in IMAGE.blobs:
        upstream.script(blob_path(blob), guarded(realm, token, right(blob)))
    upstream.script(manifest_path("2"), guarded(realm, token, right(OTHER.manifest)))


def token(word: str) -> Answer:
    return Answer(headers={"Content-Type": "application/json"}, body=b'{"token": "%b"}' % word.encode())


REALMS: dict[str, Behaviour | None] = {
    "down": None,
    "not now": Answer(status=503),
    "an error": Answer(status=500),
    "too many requests": Answer(status=429, headers={"Retry-After": "1"}),
    "stalls": Answer(delay=threading.Event()),
    "stalls in the token": token("first").but(stall_after=10),
    "breaks off": token("first").but(cut_after=10),
    "resets": Answer(reset=True),
    "not found": Answer(status=404),
    "a page": Answer(body=b"<html>log in</html>"),
    "no token": Answer(body=b'{"expires_in": 300}'),
    "no text": Answer(body=b'{"token": ["first"]}'),
    "a line end": Answer(body=b'{"token": "first\\r\\nX-Evil: 1"}'),
    "without an end": lambda _: Answer(framing="chunked", body=iter([b" " * 65536] * 200)),
}


@pytest.mark.parametrize("wrong", REALMS)
def test_a_realm_that_fails_does_not_make_images_unknown(
    tmp_path: Path, upstream: ScriptedUpstream, wrong: str
) -> None:
    """And what was pulled before is served all the while, under its tag, too."""
    realm = ScriptedUpstream()
    with (
        realm,
        Server(tmp_path, docker_proxy(upstream.url, *PATIENT, 'tag_ttl = { "*" = "0 s" }')) as server,
        RegistryClient(server.port, "/v2/hub") as client,
    ):
        offer_guarded(upstream, realm.url, "first")
        fail(realm, REALMS[wrong])
        assert refusal(client, "1") in (502, 503)
        assert refusal(client, IMAGE.digest) in (502, 503)
        assert held(server) == set()

        mend(realm, token("first"))
        assert pull_eventually(client) == IMAGE.digest

        offer_guarded(upstream, realm.url, "second")
        fail(realm, REALMS[wrong])
        assert [client.pull(NAME, reference) for reference in ("1", IMAGE.digest)] == [IMAGE.digest] * 2
        assert refusal(client, "2") in (502, 503)
        mend(realm, token("second"))
        assert [client.pull(NAME, reference) for reference in ("1", IMAGE.digest)] == [IMAGE.digest] * 2
        assert held(server) == {MANIFEST.digest, *IMAGE.all_blobs()}


def fail(realm: ScriptedUpstream, behaviour: Behaviour | None) -> None:
    """True after: the realm answers so, or nothing listens where it was."""
    if behaviour is None:
        realm.stop()
    else:
        realm.script(TOKEN, behaviour)


def mend(realm: ScriptedUpstream, behaviour: Behaviour) -> None:
    """True after: the realm answers as it should."""
    realm.stop()
    realm.start()
    realm.script(TOKEN, behaviour)


WRONG_LOOKS: dict[str, Behaviour] = {
    "an error": Answer(status=500),
    "not now": Answer(status=503),
    "too many requests": Answer(status=429, headers={"Retry-After": "1"}),
    "reset": Answer(reset=True),
    "stalls": Answer(delay=threading.Event()),
    "garbage": document(b"{"),
    "larger than 4 MiB": right(LARGE),
    "breaks off": right(OTHER.manifest).but(cut_after=100),
    "stalls in the body": right(OTHER.manifest).but(stall_after=100),
    "claims more": right(OTHER.manifest).but(claim=5000),
}


@pytest.mark.parametrize("wrong", WRONG_LOOKS)
def test_a_tag_that_is_held_outlives_what_the_upstream_gets_wrong(
    tmp_path: Path, upstream: ScriptedUpstream, wrong: str
) -> None:
    offer(upstream, IMAGE)
    config = docker_proxy(upstream.url, *PATIENT, 'tag_ttl = { "*" = "0 s" }')
    with Server(tmp_path, config) as server, RegistryClient(server.port, "/v2/hub") as client:
        assert client.pull(NAME, "1") == IMAGE.digest
        upstream.script(manifest_path("1"), WRONG_LOOKS[wrong])
        for _ in range(2):
            assert client.pull(NAME, "1") == IMAGE.digest
        offer(upstream, OTHER)
        pulled = ""
        for _ in range(50):  # the upstream may be known to be down for a while
            if (pulled := client.pull(NAME, "1")) == OTHER.digest:
                break
            threading.Event().wait(0.1)
        assert pulled == OTHER.digest
        assert server.run("fsck").returncode == 0


def test_an_upstream_that_is_away_leaves_what_is_held(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    offer(upstream, IMAGE)
    config = docker_proxy(upstream.url, *PATIENT, 'tag_ttl = { "*" = "0 s" }')
    with Server(tmp_path, config) as server, RegistryClient(server.port, "/v2/hub") as client:
        assert client.pull(NAME, "1") == IMAGE.digest
        upstream.stop()
        for _ in range(6):  # more than it takes for the upstream to be known to be down
            assert client.pull(NAME, "1") == client.pull(NAME, IMAGE.digest) == IMAGE.digest
            assert refusal(client, "2") == refusal(client, OTHER.digest) == 503
        upstream.start()
        assert pull_eventually(client) == IMAGE.digest
