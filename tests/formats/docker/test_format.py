"""The format as a whole: what every format must do, how each kind is kept, and what readers see beside the bytes."""

from __future__ import annotations

import io
import json
from typing import ClassVar

import pytest

from mxart import errors
from mxart.contract import Context
from mxart.formats import FORMATS
from mxart.formats.docker import documents, paths
from mxart.formats.docker.documents import DOCKER_MANIFEST, MAX_INDEX, MAX_MANIFEST, OCI_INDEX, OCI_MANIFEST
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.paths import DockerResource
from mxart.formats.docker.settings import DockerSettings
from mxart.model import Content, Digest, Entry, Outline, Principal, Redirect, Request, Resource
from tests.formats.docker.shop import IMAGE, SOMEBODY, Shop, content_of, index, manifest, told
from tests.formats.press import digest
from tests.formats.suite import FormatSuite, Shelf

HUB = DockerSettings(namespaces=("docker.io",))
D, D512 = f"sha256:{'ab' * 32}", f"sha512:{'cd' * 64}"
NO_TAGS = b'{"name": "library/nginx", "tags": []}'
NO_REFERRERS = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'


def ask(path: str, settings: DockerSettings | None = None) -> DockerResource:
    return DockerFormat(settings or DockerSettings()).parse(Request(method="GET", path=path))


def tags(*names: str) -> bytes:
    return json.dumps({"name": "upstream/name", "tags": names}).encode()


class TestDocker(FormatSuite):
    factory = FORMATS["docker"]
    settings = DockerSettings()
    media_type_of_errors = "application/json"
    paths = (
        "",
        "_catalog",
        "library/nginx/manifests/latest",
        f"library/nginx/manifests/{D}",
        f"library/nginx/manifests/{D512}",
        "library/nginx/tags/list",
        f"library/nginx/blobs/{D}",
        f"library/nginx/referrers/{D}",
        "library/nginx/blobs/uploads/",
        "library/nginx/blobs/uploads/u-1",
        "nginx/manifests/1.27",
        "manifests/blobs/uploads/tags/manifests/tags",
    )
    legal = frozenset({""})
    unread = frozenset({"library/nginx/blobs/uploads/", "library/nginx/blobs/uploads/u-1"})
    rewritten: ClassVar = {
        "_catalog": (b"", 0),
        "library/nginx/tags/list": (NO_TAGS, 1),
        f"library/nginx/referrers/{D}": (NO_REFERRERS, 2),
    }
    statuses: ClassVar = {410: 404}
    repeated = 201
    uploads = (
        ("library/nginx/manifests/latest", index(), index()[:-1]),
        (f"library/nginx/manifests/{digest(index())}", index(), index() + b" "),
    )
    base_url = "https://artifacts.example.org/v2/here"
    address = "artifacts.example.org/here"
    indexes = (
        ("library/nginx/tags/list", (tags("b", "a"), tags("c", "b"), tags())),
        (
            f"library/nginx/referrers/{D}",
            (index(b"one"), index(b"two", b"one", annotations={"of": "the index"}), index()),
        ),
    )

    def asked_at(self, resource: Resource) -> str:
        assert isinstance(resource, DockerResource)
        return paths.url_path(resource)


class TestDockerHub(TestDocker):
    settings = HUB


# --- how each kind is kept ---------------------------------------------------------------------------------------

LIBRARY = "library/nginx/-/"


@pytest.mark.parametrize(
    ("path", "immutable", "media_type", "max_size", "flags"),
    [
        ("library/nginx/manifests/latest", False, OCI_MANIFEST, MAX_MANIFEST, {"typed", "document", "accept", "probe"}),
        (f"library/nginx/manifests/{D}", True, OCI_MANIFEST, MAX_MANIFEST, {"typed", "document", "accept", "digest"}),
        (f"library/nginx/blobs/{D}", True, "application/octet-stream", 1 << 40, {"digest"}),
        (f"library/nginx/blobs/{D512}", True, "application/octet-stream", 1 << 40, {"digest"}),
        ("library/nginx/tags/list", False, "application/json", MAX_INDEX, {"document", "index", "paged", "within"}),
        (f"library/nginx/referrers/{D}", False, OCI_INDEX, MAX_INDEX, {"document", "index", "paged", "within"}),
        ("library/nginx/blobs/uploads/", False, "application/octet-stream", 1 << 40, set()),
    ],
)
def test_policies(path: str, immutable: bool, media_type: str, max_size: int, flags: set[str]) -> None:
    policy = DockerFormat(DockerSettings()).policy(ask(path))
    assert (policy.immutable, policy.media_type, policy.max_size) == (immutable, media_type, max_size)
    names = ("typed", "document", "index", "paged", "within", "accept", "probe", "digest", "ttl", "unit")
    assert {name for name in names if getattr(policy, name)} == flags
    assert (policy.folder, policy.above, policy.negotiated) == (LIBRARY, (), True)


def test_what_the_names_in_policies_are() -> None:
    format_ = DockerFormat(DockerSettings())
    assert format_.policy(ask(f"a/blobs/{D512}")).digest == Digest.parse(D512)
    assert format_.policy(ask("a/manifests/1")).probe == "docker-content-digest"
    assert format_.policy(ask("a/manifests/1")).accept.split(", ") == list(documents.MEDIA_TYPES)
    assert format_.policy(ask("a/tags/list")).within == "a/-/tags/"
    assert format_.policy(ask(f"a/referrers/{D}")).within == f"a/-/referrers/{D}/"
    referrer = format_.policy(paths.referrer("a", Digest.parse(D), Digest.parse(D512)))
    assert (referrer.immutable, referrer.digest, referrer.folder) == (False, None, "a/-/")


@pytest.mark.parametrize("path", ["", "_catalog"])
def test_what_belongs_to_no_image(path: str) -> None:
    policy = DockerFormat(DockerSettings()).policy(ask(path))
    assert (policy.folder, policy.above, policy.within) == ("", (), "")


@pytest.mark.parametrize(
    ("image", "above"),
    [("nginx", ("library/nginx/-/",)), ("library/nginx", ()), ("team/app", ()), ("library", ("library/library/-/",))],
)
def test_who_owns_an_official_image_owns_its_short_name(image: str, above: tuple[str, ...]) -> None:
    assert DockerFormat(DockerSettings()).policy(paths.tags(image)).above == above


TTLS = DockerSettings(tag_ttl={"latest": "30 s", "v*": "1 d", "v1": "1 s", "[0-9]?": "0 s"})


@pytest.mark.parametrize(
    ("tag", "ttl"),
    [("latest", 30.0), ("v1", 86400.0), ("v", 86400.0), ("Latest", None), ("10", 0.0), ("1", None), ("edge", None)],
)
def test_how_long_a_tag_is_fresh(tag: str, ttl: float | None) -> None:
    assert DockerFormat(TTLS).policy(ask(f"a/manifests/{tag}")).ttl == ttl
    assert DockerFormat(TTLS).policy(ask(f"a/manifests/{D}")).ttl is None
    assert DockerFormat(TTLS).policy(ask("a/tags/list")).ttl is None


@pytest.mark.parametrize(("tag", "immutable"), [("v1", True), ("1.0", True), ("latest", False), ("V1", False)])
def test_which_tags_never_move(tag: str, immutable: bool) -> None:
    format_ = DockerFormat(DockerSettings(immutable_tags=("v*", "[0-9]*")))
    assert format_.policy(ask(f"a/manifests/{tag}")).immutable is immutable


def test_a_resource_of_another_format_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        DockerFormat(DockerSettings()).policy(Resource(path="x", kind="tag"))


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kept", "asked"),
    [
        ("nginx/manifests/latest", "library/nginx/-/tags/latest", "library/nginx/manifests/latest"),
        (f"nginx/manifests/{D}", f"library/nginx/-/manifests/{D}", f"library/nginx/manifests/{D}"),
        (f"nginx/blobs/{D}", f"library/nginx/-/blobs/{D}", f"library/nginx/blobs/{D}"),
        ("nginx/tags/list", "library/nginx/-/tags", "library/nginx/tags/list"),
        (f"nginx/referrers/{D}", f"library/nginx/-/referrers/{D}", f"library/nginx/referrers/{D}"),
        ("nginx/blobs/uploads/u-1", "library/nginx/-/uploads", "library/nginx/blobs/uploads/u-1"),
        ("library/nginx/manifests/latest", "library/nginx/-/tags/latest", "library/nginx/manifests/latest"),
        ("library/manifests/latest", "library/library/-/tags/latest", "library/library/manifests/latest"),
        ("team/app/manifests/1", "team/app/-/tags/1", "team/app/manifests/1"),
        ("_catalog", "_catalog", "_catalog"),
        ("", "", ""),
    ],
)
def test_official_images_have_a_longer_name(path: str, kept: str, asked: str) -> None:
    format_ = DockerFormat(HUB)
    found = format_.canonical(ask(path))
    assert (found.path, format_.upstream_path(found)) == (kept, asked)
    assert isinstance(found, DockerResource)
    assert found.upload == ask(path).upload
    assert DockerFormat(DockerSettings(namespaces=("ghcr.io",))).canonical(ask(path)) == ask(path)


@pytest.mark.parametrize("kind", ["referrer", "upload"])
def test_what_no_path_asks_for_has_a_longer_name_too(kind: str) -> None:
    resource = paths.referrer("nginx", Digest.parse(D), Digest.parse(D512))
    if kind == "upload":
        resource = paths.uploads("nginx", "u-1")
    assert DockerFormat(HUB).canonical(resource).path.startswith("library/nginx/-/")
    folder = Resource(path="nginx/-/tags/", kind="tags", package="nginx")
    assert DockerFormat(HUB).canonical(folder).path == "library/nginx/-/tags/"


def test_what_a_tag_names_has_a_digest() -> None:
    format_ = DockerFormat(DockerSettings())
    digest_ = Digest.parse(D)
    assert format_.aliases(ask("a/manifests/1"), digest_) == [paths.manifest("a", digest_)]
    for path in (f"a/manifests/{D512}", f"a/blobs/{D512}", "a/tags/list", f"a/referrers/{D}"):
        assert list(format_.aliases(ask(path), digest_)) == []


# --- checks, merges, indexes: that each kind meets its own rule ------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "data", "media_type"),
    [
        ("a/manifests/1", index(), OCI_INDEX),
        (f"a/manifests/{D}", manifest(mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST),
        ("a/manifests/1", manifest(mediaType=None), OCI_MANIFEST),
        ("a/tags/list", tags("a"), ""),
        ("a/tags/list", tags("a") + tags(), ""),
        (f"a/referrers/{D}", index(b"x"), ""),
        (f"a/blobs/{D}", b"anything", ""),
    ],
)
def test_each_kind_passes_its_check(path: str, data: bytes, media_type: str) -> None:
    file = io.BytesIO(data)
    file.read()  # whoever wrote it left the position at the end
    assert DockerFormat(DockerSettings()).check(ask(path), file) == media_type


@pytest.mark.parametrize("path", ["a/manifests/1", f"a/manifests/{D}", "a/tags/list", f"a/referrers/{D}"])
def test_no_document_is_read_beyond_its_limit(path: str) -> None:
    class Endless(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0
            self.taken += size
            return b" " * size

    endless, format_ = Endless(), DockerFormat(DockerSettings())
    with pytest.raises(errors.Corrupt):
        format_.check(ask(path), endless)
    assert endless.taken <= format_.policy(ask(path)).max_size + 1


@pytest.mark.parametrize("path", ["a/manifests/1", f"a/manifests/{D}", f"a/blobs/{D}", "_catalog"])
def test_what_is_pushed_is_neither_merged_nor_generated(path: str) -> None:
    with pytest.raises(errors.Unsupported):
        DockerFormat(DockerSettings()).merge(ask(path), [], io.BytesIO())
    with pytest.raises(errors.Unsupported):
        DockerFormat(DockerSettings()).generate(ask(path), [], io.BytesIO())


def test_lists_are_merged_and_made() -> None:
    format_, merged, made = DockerFormat(DockerSettings()), io.BytesIO(), io.BytesIO()
    format_.merge(ask("a/tags/list"), [io.BytesIO(tags("b")), io.BytesIO(tags("a"))], merged)
    assert json.loads(merged.getvalue()) == {"name": "a", "tags": ["a", "b"]}
    format_.generate(ask("a/tags/list"), [Entry(repository="r", path="a/-/tags/1")], made)
    assert json.loads(made.getvalue()) == {"name": "a", "tags": ["1"]}
    with pytest.raises(errors.NotFound):
        format_.generate(ask(f"a/referrers/{D}"), [], io.BytesIO())


# --- reading -----------------------------------------------------------------------------------------------------

VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
FOR_EVER = "max-age=31536000, immutable"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.gen_test
async def test_the_fields_of_a_manifest_and_of_a_blob(method: str) -> None:
    shop = Shop()
    data = await shop.image(b"layer", reference="1")
    name = str(digest(data))
    stated = {**VERSION, "Docker-Content-Digest": name, "ETag": f'"{name}"', "Vary": "Accept"}
    by_tag = await shop.send(method, f"{IMAGE}/manifests/1")
    assert by_tag.headers == stated
    by_digest = await shop.send(method, f"{IMAGE}/manifests/{name}")
    assert by_digest.headers == {**stated, "Cache-Control": FOR_EVER}
    assert [await content_of(by_tag), await content_of(by_digest)] == [data, data]
    layer = str(digest(b"layer"))
    blob = await shop.send(method, f"{IMAGE}/blobs/{layer}")
    assert blob.headers == {
        **VERSION,
        "Docker-Content-Digest": layer,
        "ETag": f'"{layer}"',
        "Cache-Control": FOR_EVER,
    }
    assert await content_of(blob) == b"layer"


class Elsewhere(Shelf):
    """A repository whose content is not a blob."""

    given: Content

    async def get(self, resource: Resource, context: Context) -> Content:
        return self.given


@pytest.mark.gen_test
async def test_a_place_to_fetch_from_is_not_told_for_ever() -> None:
    shelf, path = Elsewhere(), f"a/blobs/{D}"
    shelf.given = Redirect(url="https://blobs.example.org/1?signature=2")
    response = await DockerFormat(DockerSettings()).answer(
        Request(method="GET", path=path), ask(path), shelf, Context()
    )
    assert response.headers == {**VERSION, "Docker-Content-Digest": D}


@pytest.mark.gen_test
async def test_what_is_only_known_in_outline() -> None:
    shelf, path = Elsewhere(), f"a/blobs/{D}"
    shelf.given = Outline(size=7)
    response = await DockerFormat(DockerSettings()).answer(
        Request(method="HEAD", path=path), ask(path), shelf, Context()
    )
    assert response.headers["Docker-Content-Digest"] == D
    assert response.content == Outline(size=7)


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ({}, True),
        ({"accept": "*/*"}, True),
        ({"accept": OCI_INDEX}, True),
        ({"accept": f"{OCI_MANIFEST}, application/*;q=0.1"}, True),
        ({"accept": f"{OCI_MANIFEST}, {DOCKER_MANIFEST}"}, False),
        ({"accept": f"{OCI_INDEX};q=0"}, False),
    ],
)
@pytest.mark.gen_test
async def test_what_a_client_does_not_accept_it_does_not_get(accept: dict[str, str], found: bool) -> None:
    shop = Shop()
    await shop.put(index(), "1")
    for reference in ("1", str(digest(index()))):
        if found:
            assert await shop.read(f"{IMAGE}/manifests/{reference}", headers=accept) == index()
            continue
        with pytest.raises(errors.NotFound) as caught:
            await shop.send("GET", f"{IMAGE}/manifests/{reference}", headers=accept)
        status, code, message = told(caught.value)
        assert (status, code) == (404, "MANIFEST_UNKNOWN")
        assert OCI_INDEX in message
    assert shop.press.left_open == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{IMAGE}/manifests/1", "MANIFEST_UNKNOWN"),
        (f"{IMAGE}/manifests/{D}", "MANIFEST_UNKNOWN"),
        (f"{IMAGE}/blobs/{D}", "BLOB_UNKNOWN"),
        (f"{IMAGE}/tags/list", "NAME_UNKNOWN"),
        (f"{IMAGE}/blobs/uploads/u-1", "BLOB_UPLOAD_UNKNOWN"),
        (f"{IMAGE}/manifests/-x", "MANIFEST_UNKNOWN"),
        (f"{IMAGE}/nothing", "NAME_UNKNOWN"),
    ],
)
@pytest.mark.gen_test
async def test_what_is_not_there_is_told_by_its_kind(path: str, code: str) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await Shop().send("GET", path)
    assert told(caught.value)[:2] == (404, code)


@pytest.mark.parametrize(
    "failure", [errors.Unavailable("down"), errors.BadUpstream("odd"), errors.Denied("no")], ids=repr
)
@pytest.mark.parametrize("path", ["a/manifests/1", f"a/blobs/{D}"])
@pytest.mark.gen_test
async def test_who_cannot_be_asked_is_no_absence(path: str, failure: errors.MxartError) -> None:
    with pytest.raises(type(failure)):
        request = Request(method="GET", path=path)
        await DockerFormat(DockerSettings()).answer(request, ask(path), Shelf(failure=failure), Context())


@pytest.mark.parametrize(
    ("query", "told_"),
    [
        ("ns=docker.io", "docker.io"),
        ("x=y&ns=mirror.example.org:5000", "mirror.example.org:5000"),
        ("ns=ghcr.io", None),
        ("ns=", None),
        ("", None),
        ("sns=docker.io", None),
        ("ns=docker.io%0d%0aX:%20y", None),
        ("ns=%ff", None),
        ("&" * 1000 + "ns=docker.io", None),
    ],
    ids=lambda value: repr(value)[-40:],
)
@pytest.mark.gen_test
async def test_containerd_is_told_that_its_namespace_was_understood(query: str, told_: str | None) -> None:
    """And is refused for no namespace: it puts it into every request."""
    shop = Shop(DockerSettings(namespaces=("docker.io", "mirror.example.org:5000")))
    await shop.put(index(), "1", "library/app")
    response = await shop.send("GET", "library/app/manifests/1", query=query)
    assert response.headers.get("OCI-Namespace") == told_
    assert await content_of(response) == index()
    assert shop.press.left_open == []


@pytest.mark.parametrize("path", ["library/app/tags/list", f"library/app/referrers/{D}", "_catalog"])
@pytest.mark.gen_test
async def test_so_it_is_where_lists_are_asked_for(path: str) -> None:
    shop = Shop(DockerSettings(namespaces=("docker.io",)))
    await shop.put(index(), "1", "library/app")
    response = await shop.send("GET", path, query="ns=docker.io")
    assert response.headers["OCI-Namespace"] == "docker.io"


@pytest.mark.parametrize(("principal", "status"), [(SOMEBODY, 200), (Principal(), 401)])
@pytest.mark.gen_test
async def test_the_root_is_asked_of_nobody(principal: Principal, status: int) -> None:
    shop = Shop()
    if status == 200:
        assert (await shop.send("GET", "", principal=principal)).status == 200
        return
    with pytest.raises(errors.Unauthenticated):
        await shop.send("GET", "", principal=principal)
