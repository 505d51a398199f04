"""Lists of tags and images in pages, and who refers to a manifest."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mxart.contract import Context
from mxart.errors import BadUpstream, Denied, Gone, MxartError, NotFound, Unavailable
from mxart.formats.docker import paths
from mxart.formats.docker.documents import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from mxart.model import Bytes, Content, Resource, Response
from tests.formats.docker.shop import BASE, IMAGE, Shop, as_json, content_of, descriptor, index, told
from tests.formats.press import Press, digest

NOTHING = index()
SUBJECT = descriptor(NOTHING, OCI_INDEX)


async def tagged(*tags: str, base_url: str = BASE) -> Shop:
    shop = Shop(base_url=base_url)
    for tag in tags:
        await shop.put(NOTHING, tag)
    return shop


async def page(shop: Shop, query: str = "", path: str = f"{IMAGE}/tags/list") -> tuple[list[str], str]:
    """What is on it, and the query of the next one."""
    response = await shop.send("GET", path, query=query)
    assert response.status == 200
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "application/json"
    document = json.loads(response.content.data)
    items = document.pop("tags", None)
    if items is None:
        items = document.pop("repositories")
        assert document == {}
    else:
        assert document == {"name": f"hub/{IMAGE}"}
    return items, next_of(response, path)


def next_of(response: Response, path: str) -> str:
    link = response.headers.get("Link", "")
    if not link:
        return ""
    assert link.isascii()
    assert link.isprintable()
    assert link.startswith("<")
    assert link.endswith('>; rel="next"')
    place = urlsplit(link[1:].partition(">")[0])
    assert place.path == f"/v2/hub/{path}"
    return place.query


# --- tags --------------------------------------------------------------------------------------------------------

FEW = ("10", "9", "A", "_x", "a", "b", "latest")  # in the order of their bytes


@pytest.mark.parametrize(
    ("query", "expected", "then"),
    [
        ("", FEW, ""),
        ("n=100", FEW, ""),
        ("n=7", FEW, ""),
        ("n=6", FEW[:6], "n=6&last=b"),
        ("n=2", FEW[:2], "n=2&last=9"),
        ("n=0", (), ""),
        ("n=2&last=9", FEW[2:4], "n=2&last=_x"),
        ("last=9&n=2", FEW[2:4], "n=2&last=_x"),
        ("n=2&last=a", FEW[5:], ""),
        ("last=b", FEW[6:], ""),
        ("last=latest", (), ""),
        ("n=2&last=zzz", (), ""),
        ("n=1&last=aa", ("b",), "n=1&last=b"),  # deleted since the last page
        ("last=", FEW, ""),
        ("n=3&ns=docker.io", FEW[:3], "n=3&last=A&ns=docker.io"),  # what leads here leads to the next page, too
        ("x=%22%3E%3B%0d%0a&n=3", FEW[:3], "n=3&last=A&x=%22%3E%3B%0d%0a"),
        ("n=3&n=2", FEW[:2], "n=2&last=9"),
        ("n=999999999", FEW, ""),
        ("n=002", FEW[:2], "n=002&last=9"),
    ],
)
@pytest.mark.gen_test
async def test_pages_of_tags(query: str, expected: tuple[str, ...], then: str) -> None:
    shop = await tagged(*reversed(FEW))
    items, following = await page(shop, query)
    assert tuple(items) == expected
    assert parse_qs(following) == parse_qs(then)
    assert bool(following) == bool(then)


@pytest.mark.parametrize(
    "query",
    ["n=", "n=-1", "n=x", "n=1.5", "n=1e3", "n=%202", "n=٣", "n=9999999999", "n=" + "9" * 5000, "n=0x1", "n=%ff"],
)
@pytest.mark.gen_test
async def test_numbers_of_items_that_are_none(query: str) -> None:
    shop = await tagged("1")
    for path in (f"{IMAGE}/tags/list", "_catalog"):
        with pytest.raises(MxartError) as caught:
            await shop.send("GET", path, query=query)
        status, code, message = told(caught.value)
        assert (status, code) == (400, "UNSUPPORTED" if "%ff" in query else "PAGINATION_NUMBER_INVALID")
        assert len(message) < 200
    assert shop.press.left_open == []


@pytest.mark.gen_test
async def test_page_by_page_everything_is_had_once() -> None:
    tags = sorted(f"v{number}" for number in range(1000))
    shop = await tagged(*tags)
    found, query, pages = [], "n=300", 0
    while query:
        items, query = await page(shop, query)
        found += items
        pages += 1
    assert (found, pages) == (tags, 4)


@pytest.mark.gen_test
async def test_head_of_a_list() -> None:
    shop = await tagged("1")
    assert (await shop.send("HEAD", f"{IMAGE}/tags/list")).status == 200
    assert (await shop.send("HEAD", "_catalog")).status == 200
    assert (await shop.send("HEAD", f"{IMAGE}/referrers/{digest(b'')}")).status == 200
    assert shop.press.left_open == []


@pytest.mark.gen_test
async def test_an_image_that_is_not_here_has_no_tags() -> None:
    shop = await tagged("1")
    with pytest.raises(NotFound) as caught:
        await shop.send("GET", "team/other/tags/list")
    assert told(caught.value)[:2] == (404, "NAME_UNKNOWN")


@pytest.mark.gen_test
async def test_an_image_whose_name_another_one_takes_has_no_tags() -> None:
    """As ``nginx`` belongs to whoever has ``library/nginx``."""
    shop = Shop()
    await shop.put(NOTHING, "1", "library/nginx")
    assert await shop.press.owns(paths.tags("nginx"))
    with pytest.raises(NotFound):
        await shop.send("GET", "nginx/tags/list")


@pytest.mark.gen_test
async def test_what_is_held_of_others_does_not_make_an_image_one_without_tags() -> None:
    """A proxy holds manifests of it, and its upstream says that it is not there."""

    class Proxy(Press):
        async def owns(self, resource: Resource) -> bool:
            return False

    shop = Shop()
    await shop.put(NOTHING, str(digest(NOTHING)))
    shop.press = Proxy(shop.format, held=shop.press.held, entries=shop.press.entries)
    with pytest.raises(NotFound):
        await shop.send("GET", f"{IMAGE}/tags/list")


@pytest.mark.gen_test
async def test_an_image_without_tags_has_an_empty_list() -> None:
    shop = Shop()
    await shop.put(NOTHING, str(digest(NOTHING)))
    assert await page(shop) == ([], "")
    await shop.put(NOTHING, "1")
    await shop.send("DELETE", f"{IMAGE}/manifests/1")
    assert await page(shop) == ([], "")


@pytest.mark.gen_test
async def test_the_name_is_the_one_that_clients_use() -> None:
    shop = await tagged("1", base_url="https://hub.example.org/v2")
    assert (await shop.document(f"{IMAGE}/tags/list"))["name"] == IMAGE


@pytest.mark.gen_test
async def test_a_list_that_an_upstream_gave_in_pages() -> None:
    shop = Shop()
    path = paths.tags(IMAGE).path
    shop.press.held[path] = b'{"name": "up/stream", "tags": ["b", "-x"]}\n{"tags": null}{"tags": ["a"]}'
    assert await page(shop, "n=1") == (["a"], "n=1&last=a")
    assert await page(shop, "n=1&last=a") == (["b"], "")


# --- images ------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_the_catalog_in_pages() -> None:
    shop = Shop()
    for image in ("b", "a/b", "a-b", "a"):
        await shop.put(NOTHING, "1", image)
    everything = ["hub/a", "hub/a-b", "hub/a/b", "hub/b"]
    assert await page(shop, path="_catalog") == (everything, "")
    items, following = await page(shop, "n=3", "_catalog")
    assert (items, parse_qs(following)) == (everything[:3], {"n": ["3"], "last": ["hub/a/b"]})
    assert await page(shop, following, "_catalog") == (everything[3:], "")


@pytest.mark.gen_test
async def test_a_slash_in_a_link_is_one_of_the_value() -> None:
    shop = Shop()
    for image in ("a/b", "a/c"):
        await shop.put(NOTHING, "1", image)
    response = await shop.send("GET", "_catalog", query="n=1")
    assert response.headers["Link"] == '</v2/hub/_catalog?n=1&last=hub%2Fa%2Fb>; rel="next"'


@pytest.mark.gen_test
async def test_an_empty_catalog() -> None:
    assert await page(Shop(), path="_catalog") == ([], "")


# --- referrers ---------------------------------------------------------------------------------------------------


async def referrers(shop: Shop, query: str = "", **headers: str) -> list[Any]:
    response = await shop.send("GET", f"{IMAGE}/referrers/{digest(NOTHING)}", query=query)
    assert response.status == 200
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == OCI_INDEX
    assert response.headers == {"Docker-Distribution-Api-Version": "registry/2.0", **headers}
    document = json.loads(response.content.data)
    found = document.pop("manifests")
    assert document == {"schemaVersion": 2, "mediaType": OCI_INDEX}
    assert shop.press.left_open == []
    assert isinstance(found, list)
    return found


@pytest.mark.gen_test
async def test_nobody_refers_to_it() -> None:
    assert await referrers(Shop()) == []


def artifact(kind: str, **more: Any) -> bytes:
    return index(subject=SUBJECT, artifactType=kind, **more)


async def signed(*kinds: str) -> Shop:
    shop = Shop()
    await shop.put(NOTHING, "1")
    for kind in kinds:
        await shop.put(artifact(kind), str(digest(artifact(kind))))
    return shop


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", {"a/sbom", "a/signature", "a/+b c"}),
        ("artifactType=a/sbom", {"a/sbom"}),
        ("artifactType=a%2Fsbom", {"a/sbom"}),
        ("artifactType=a/%2Bb%20c", {"a/+b c"}),
        ("artifactType=a/sbom&artifactType=a/signature", {"a/sbom", "a/signature"}),
        ("artifactType=a/none", set()),
        ("artifactType=", set()),
        ("artifactType=A/SBOM", set()),
        ("n=1&ns=docker.io", {"a/sbom", "a/signature", "a/+b c"}),
    ],
)
@pytest.mark.gen_test
async def test_filtered_by_their_type(query: str, kinds: set[str]) -> None:
    shop = await signed("a/sbom", "a/signature", "a/+b c")
    headers = {"OCI-Filters-Applied": "artifactType"} if "artifactType" in query else {}
    response = await shop.send("GET", f"{IMAGE}/referrers/{digest(NOTHING)}", query=query)
    assert {key: value for key, value in response.headers.items() if key.startswith("OCI")} == headers
    found = json.loads(await content_of(response))["manifests"]
    assert {each["artifactType"] for each in found} == kinds


@pytest.mark.gen_test
async def test_what_clients_keep_under_a_tag_is_listed_too() -> None:
    shop = await signed("a/sbom")
    own, other = artifact("a/sbom"), artifact("a/signature")
    await shop.put(other, str(digest(other)))
    await shop.send("DELETE", f"{IMAGE}/manifests/{digest(other)}")
    await shop.put(other, "kept")
    del shop.press.entries[paths.referrer(IMAGE, digest(NOTHING), digest(other)).path]
    listed = [
        descriptor(other, OCI_INDEX, artifactType="a/signature", annotations={"by": "the client"}),
        descriptor(own, OCI_INDEX, artifactType="a/other"),
    ]
    await shop.put(index(manifests=listed), paths.fallback_tag(digest(NOTHING)))
    assert await referrers(shop) == [
        descriptor(own, OCI_INDEX, artifactType="a/sbom"),
        descriptor(other, OCI_INDEX, artifactType="a/signature", annotations={"by": "the client"}),
    ]


@pytest.mark.parametrize("kept", ["an image", "a list of Docker's"])
@pytest.mark.gen_test
async def test_another_thing_under_that_tag_is_none(kept: str) -> None:
    shop = await signed("a/sbom")
    tag = paths.fallback_tag(digest(NOTHING))
    if kept == "an image":
        await shop.image(b"layer", reference=tag)
    else:
        await shop.put(index(NOTHING, mediaType=DOCKER_LIST), tag)
    assert len(await referrers(shop)) == 1


class Upstream(Shop):
    """What a proxy holds of an upstream, or says of it; no document has been checked more than `Format.check` does."""

    def has(self, resource: Resource, data: bytes) -> None:
        self.press.held[resource.path] = data


@pytest.mark.gen_test
async def test_an_upstream_without_such_a_list() -> None:
    shop = Upstream()
    found = descriptor(b"signature", OCI_MANIFEST, artifactType="a/b")
    shop.has(paths.tag(IMAGE, paths.fallback_tag(digest(NOTHING))), index(manifests=[found]))
    assert await referrers(shop) == [found]


@pytest.mark.parametrize(
    "data",
    [index(manifests=[{}]), index(manifests=[{**SUBJECT, "digest": "sha256:x"}]), index(manifests=[1]), b"<html>", b""],
    ids=repr,
)
@pytest.mark.gen_test
async def test_what_an_upstream_has_under_that_tag_does_not_hide_the_rest(data: bytes) -> None:
    """Only that it is an index has been looked at before it was kept."""
    shop = Upstream()
    found = descriptor(b"signature", OCI_MANIFEST)
    shop.has(paths.referrers(IMAGE, digest(NOTHING)), as_json({"manifests": [found]}))
    shop.has(paths.tag(IMAGE, paths.fallback_tag(digest(NOTHING))), data)
    assert await referrers(shop) == [found]


@pytest.mark.gen_test
async def test_an_upstream_with_half_characters() -> None:
    shop = Upstream()
    found = descriptor(b"signature", OCI_MANIFEST, annotations={"half": "\ud800"})
    shop.has(paths.referrers(IMAGE, digest(NOTHING)), as_json({"manifests": [found]}))
    assert await referrers(shop) == [found]


class Failing(Shop):
    """Whose repository fails at one kind of resource."""

    def fail(self, kind: str, error: MxartError) -> None:
        get = self.press.get

        async def failing(resource: Resource, context: Context) -> Content:
            if resource.kind == kind:
                raise error
            return await get(resource, context)

        self.press.get = failing  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", ["referrers", "tag"])
@pytest.mark.parametrize("error", [Unavailable("down"), BadUpstream("broken"), Denied("no")], ids=repr)
@pytest.mark.gen_test
async def test_who_cannot_be_asked_is_not_silence(kind: str, error: MxartError) -> None:
    shop = Failing()
    shop.fail(kind, error)
    with pytest.raises(type(error)):
        await referrers(shop)
    assert shop.press.left_open == []


@pytest.mark.parametrize("error", [NotFound("no"), Gone("no more")], ids=repr)
@pytest.mark.gen_test
async def test_who_has_none_says_so(error: MxartError) -> None:
    shop = Failing()
    shop.fail("tag", error)
    shop.fail("referrers", error)
    assert await referrers(shop) == []


@pytest.mark.gen_test
async def test_the_trail_tells_of_the_list_alone() -> None:
    """Cache-Status is of what was asked for, not of the tag beside it."""
    seen: list[tuple[str, object]] = []

    class Noting(Shop):
        def watch(self) -> None:
            get = self.press.get

            async def noting(resource: Resource, context: Context) -> Content:
                seen.append((resource.kind, context.trail))
                return await get(resource, context)

            self.press.get = noting  # type: ignore[method-assign]

    shop = Noting()
    shop.watch()
    await referrers(shop)
    assert [kind for kind, _ in seen] == ["referrers", "tag"]
    assert seen[0][1] is not seen[1][1]


@pytest.mark.gen_test
async def test_packages_that_may_not_be_listed() -> None:
    class Closed(Press):
        async def packages(self, context: Context) -> Collection[str]:
            raise Denied("no")

    shop = Shop()
    shop.press = Closed(shop.format)
    with pytest.raises(Denied):
        await shop.send("GET", "_catalog")
