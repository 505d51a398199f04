"""Manifests that are pushed and deleted: what is taken, under which names it stands, and what is said of the rest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from mxart.errors import Conflict, Invalid, MxartError, TooLarge, Unsupported
from mxart.formats.docker.documents import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MAX_MANIFEST,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
)
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.names import DigestInvalid
from mxart.formats.docker.settings import DockerSettings
from mxart.formats.docker.wire import ManifestBlobUnknown, ManifestInvalid, ManifestUnknown
from mxart.model import Blob, Digest, Response
from tests.formats.docker.shop import IMAGE, LAYER, Shop, as_json, descriptor, index, manifest, told
from tests.formats.press import digest

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NOTHING = index()  # needs nothing
OTHER = index(annotations={"other": "yes"})


def sha512(data: bytes) -> Digest:
    return Digest("sha512", hashlib.sha512(data).hexdigest())


async def refused(shop: Shop, data: bytes, reference: str, query: str = "", **headers: str) -> MxartError:
    """Why it was; nothing of it has stayed."""
    held = dict(shop.press.held)
    with pytest.raises(MxartError) as caught:
        await shop.send("PUT", f"{IMAGE}/manifests/{reference}", data, query, headers=typed(headers))
    assert shop.press.held == held
    assert shop.press.left_behind == []
    return caught.value


def typed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def places(shop: Shop) -> set[str]:
    """Where something stands, without blobs and without what all paths begin with."""
    found = {path.removeprefix(f"{IMAGE}/-/") for path in shop.press.held}
    return {path for path in found if not path.startswith("blobs/")}


# --- what a push answers, and where it stands --------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_push_by_tag_stands_under_its_digest_too() -> None:
    shop = Shop()
    response = await shop.put(NOTHING, "1.0")
    assert response.content is None
    assert response.headers == {
        "Docker-Distribution-Api-Version": "registry/2.0",
        "Location": f"/v2/hub/{IMAGE}/manifests/{digest(NOTHING)}",
        "Docker-Content-Digest": str(digest(NOTHING)),
    }
    assert places(shop) == {"tags/1.0", f"manifests/{digest(NOTHING)}"}
    assert len(shop.press.publications) == 1, "in one transaction"
    assert await shop.read(f"{IMAGE}/manifests/1.0") == NOTHING


@pytest.mark.gen_test
async def test_a_push_by_digest_stands_under_that_alone() -> None:
    shop = Shop()
    await shop.put(NOTHING, str(digest(NOTHING)))
    assert places(shop) == {f"manifests/{digest(NOTHING)}"}


@pytest.mark.gen_test
async def test_a_push_by_digest_may_name_tags() -> None:
    shop = Shop()
    response = await shop.put(NOTHING, str(digest(NOTHING)), query="tag=1&tag=latest&tag=1")
    assert response.headers["OCI-Tag"] == "1, latest"
    assert places(shop) == {"tags/1", "tags/latest", f"manifests/{digest(NOTHING)}"}


@pytest.mark.parametrize(
    ("reference", "query", "code"),
    [
        ("1", "tag=2", "MANIFEST_INVALID"),
        (str(digest(NOTHING)), "tag=", "MANIFEST_INVALID"),
        (str(digest(NOTHING)), "tag=-x", "MANIFEST_INVALID"),
        (str(digest(NOTHING)), "tag=a%2Fb", "MANIFEST_INVALID"),
        (str(digest(NOTHING)), "&".join(f"tag={number}" for number in range(11)), "MANIFEST_INVALID"),
        (str(digest(NOTHING)), "tag=%ff", "UNSUPPORTED"),
        (str(digest(NOTHING)), "&".join(f"x={number}" for number in range(65)), "UNSUPPORTED"),
    ],
)
@pytest.mark.gen_test
async def test_tags_that_cannot_be(reference: str, query: str, code: str) -> None:
    shop = Shop()
    error = await refused(shop, NOTHING, reference, query)
    assert told(error)[:2] == (400, code)
    assert shop.press.uploads == [], "refused before anything was read"


@pytest.mark.gen_test
async def test_a_push_by_sha512_keeps_that_name() -> None:
    shop = Shop()
    response = await shop.put(NOTHING, str(sha512(NOTHING)), query="tag=1")
    assert response.headers["Docker-Content-Digest"] == str(sha512(NOTHING))
    assert response.headers["Location"].endswith(f"/manifests/{sha512(NOTHING)}")
    assert places(shop) == {"tags/1", f"manifests/{sha512(NOTHING)}"}
    for reference in ("1", str(sha512(NOTHING))):
        response = await shop.send("GET", f"{IMAGE}/manifests/{reference}")
        assert response.headers["Docker-Content-Digest"] == str(sha512(NOTHING))


@pytest.mark.parametrize("wrong", [digest(OTHER), sha512(OTHER)], ids=lambda wrong: wrong.algorithm)
@pytest.mark.gen_test
async def test_another_digest_is_refused(wrong: Digest) -> None:
    error = await refused(Shop(), NOTHING, str(wrong))
    assert isinstance(error, DigestInvalid)
    assert told(error)[:2] == (400, "DIGEST_INVALID")


@pytest.mark.gen_test
async def test_the_same_again_is_fine_and_a_tag_moves() -> None:
    shop = Shop()
    await shop.put(NOTHING, "latest")
    await shop.put(NOTHING, "latest")
    await shop.put(OTHER, "latest")
    assert await shop.read(f"{IMAGE}/manifests/latest") == OTHER
    assert await shop.read(f"{IMAGE}/manifests/{digest(NOTHING)}") == NOTHING


# --- media types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "stated", "kept"),
    [
        (NOTHING, OCI_INDEX, OCI_INDEX),
        (NOTHING, "", OCI_INDEX),
        (NOTHING, f"{OCI_INDEX}; charset=utf-8", OCI_INDEX),
        (index(mediaType=None), OCI_INDEX, OCI_INDEX),
        (index(mediaType=None), "", OCI_INDEX),
        (index(mediaType=DOCKER_LIST), DOCKER_LIST, DOCKER_LIST),
        (manifest(config=b"config"), OCI_MANIFEST, OCI_MANIFEST),
        (manifest(config=b"config", mediaType=None), OCI_MANIFEST, OCI_MANIFEST),
        (manifest(config=b"config", mediaType=None), "", OCI_MANIFEST),
        (manifest(config=b"config", mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST, DOCKER_MANIFEST),
        (as_json({"mediaType": OCI_ARTIFACT, "artifactType": "a/b", "blobs": []}), OCI_ARTIFACT, OCI_ARTIFACT),
    ],
)
@pytest.mark.gen_test
async def test_what_a_manifest_is_is_kept(data: bytes, stated: str, kept: str) -> None:
    shop = Shop()
    await shop.blob(b"config")
    headers = {"content-type": stated} if stated else {}
    assert (await shop.send("PUT", f"{IMAGE}/manifests/1", data, headers=headers)).status == 201
    for reference in ("1", str(digest(data))):
        content = (await shop.send("GET", f"{IMAGE}/manifests/{reference}")).content
        assert isinstance(content, Blob)
        assert content.media_type == kept
        content.close()


@pytest.mark.parametrize(
    ("data", "stated"),
    [
        (NOTHING, OCI_MANIFEST),
        (NOTHING, DOCKER_LIST),
        (NOTHING, "application/json"),
        (NOTHING, OCI_INDEX.upper()),
        (index(mediaType=None), DOCKER_LIST),
        (manifest(mediaType=None), OCI_INDEX),
        (NOTHING, "x" * 100_000),
    ],
    ids=lambda value: repr(value[:30]),
)
@pytest.mark.gen_test
async def test_what_is_sent_as_something_else_is_refused(data: bytes, stated: str) -> None:
    error = await refused(Shop(), data, "1", content_type=stated)
    assert isinstance(error, ManifestInvalid)
    assert "says of itself" in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        as_json({"schemaVersion": 1, "fsLayers": []}),
        manifest(schemaVersion=1),
        index(manifests=[{}]),
        manifest(layers=[descriptor(b"x", size=-1)]),
        manifest(subject={"digest": "x"}),
        manifest(annotations={"a": 1}),
        manifest(b"layer", manifests=[descriptor(b"child", OCI_MANIFEST)]),
    ],
    ids=lambda data: repr(data[:20]),
)
@pytest.mark.gen_test
async def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    shop = Shop()
    await shop.blob(b"{}")
    status, code, message = told(await refused(shop, data, "1"))
    assert (status, code) == (400, "MANIFEST_INVALID")
    assert message


# --- the size ----------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_the_largest_manifest() -> None:
    shop = Shop()
    data = index(annotations={"a": ""})
    data = data.replace(b'""', b'"' + b"x" * (MAX_MANIFEST - len(data)) + b'"')
    assert len(data) == MAX_MANIFEST
    await shop.put(data, "1")
    with pytest.raises(TooLarge) as caught:
        await shop.send("PUT", f"{IMAGE}/manifests/2", data + b" ")
    assert told(caught.value)[:2] == (413, "SIZE_INVALID")
    assert shop.press.left_behind == []


@pytest.mark.gen_test
async def test_what_says_that_it_is_too_large_is_not_read() -> None:
    shop = Shop()
    error = await refused(shop, b"unread", "1", content_length=str(MAX_MANIFEST + 1))
    assert isinstance(error, TooLarge)
    assert shop.press.uploads[0].size == 0


# --- what must be there ------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_what_a_manifest_needs_must_be_there() -> None:
    shop = Shop()
    data = manifest(b"one", b"two", b"two")
    await shop.blob(b"one")
    error = await refused(shop, data, "1")
    assert isinstance(error, ManifestBlobUnknown)
    status, code, message = told(error)
    assert (status, code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert str(digest(b"{}")) in message
    assert message.count(str(digest(b"two"))) == 1
    assert str(digest(b"one")) not in message
    await shop.blob(b"two")
    await shop.blob(b"{}")
    await shop.put(data, "1")


@pytest.mark.gen_test
async def test_blobs_of_another_image_do_not_count() -> None:
    shop = Shop()
    await shop.blob(b"{}", "team/other")
    assert isinstance(await refused(shop, manifest(), "1"), ManifestBlobUnknown)


@pytest.mark.gen_test
async def test_not_every_missing_blob_is_named() -> None:
    layers = [b"%d" % number for number in range(50)]
    error = await refused(Shop(), manifest(*layers), "1")
    assert "and 46 more" in error.message
    assert len(error.message) < 1000


@pytest.mark.gen_test
async def test_layers_that_lie_elsewhere_need_not_be_there() -> None:
    shop = Shop()
    await shop.blob(b"{}")
    layers = [descriptor(b"far", FOREIGN), descriptor(b"away", urls=["https://layers.example.org/away"])]
    await shop.put(manifest(layers=layers), "1")


@pytest.mark.gen_test
async def test_the_manifests_of_an_index_must_be_there() -> None:
    shop = Shop()
    child = await shop.image(b"layer")
    await shop.put(index(child), "1")
    error = await refused(shop, index(child, b"missing"), "2")
    assert isinstance(error, ManifestBlobUnknown)
    assert str(digest(b"missing")) in error.message


@pytest.mark.gen_test
async def test_a_tag_is_no_name_of_a_child() -> None:
    shop = Shop()
    child = await shop.image(b"layer", reference="1")
    await shop.send("DELETE", f"{IMAGE}/manifests/{digest(child)}")
    assert isinstance(await refused(shop, index(child), "2"), ManifestBlobUnknown)


@pytest.mark.gen_test
async def test_a_subject_may_be_missing() -> None:
    shop = Shop()
    response = await shop.put(index(subject=descriptor(b"missing", OCI_MANIFEST)), "1")
    assert response.headers["OCI-Subject"] == str(digest(b"missing"))


# --- who refers to what ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "artifact_type"),
    [
        ({"artifactType": "a/b"}, "a/b"),
        ({}, "application/vnd.oci.image.config.v1+json"),
    ],
)
@pytest.mark.gen_test
async def test_who_refers_to_a_manifest_is_listed(more: dict[str, Any], artifact_type: str) -> None:
    shop = Shop()
    subject = await shop.image(b"layer")
    notes = {"org.example.note": "ä"}
    data = await shop.image(subject=descriptor(subject, OCI_MANIFEST), annotations=notes, **more)
    assert f"referrers/{digest(subject)}/{digest(data)}" in places(shop)
    listed = await shop.document(f"{IMAGE}/referrers/{digest(subject)}")
    assert listed["manifests"] == [
        descriptor(data, OCI_MANIFEST, artifactType=artifact_type, annotations=notes),
    ]


@pytest.mark.gen_test
async def test_an_index_that_refers_to_a_manifest_is_listed() -> None:
    shop = Shop()
    data = index(subject=descriptor(NOTHING, OCI_INDEX), artifactType="a/b")
    await shop.put(data, str(sha512(data)))
    (listed,) = (await shop.document(f"{IMAGE}/referrers/{digest(NOTHING)}"))["manifests"]
    assert listed == {
        "mediaType": OCI_INDEX,
        "digest": str(sha512(data)),
        "size": len(data),
        "artifactType": "a/b",
    }


@pytest.mark.gen_test
async def test_what_refers_to_another_leaves_room_in_its_list() -> None:
    shop = Shop()
    data = index(subject=descriptor(NOTHING, OCI_INDEX), annotations={"long": "x" * (64 << 10)})
    assert told(await refused(shop, data, "1"))[:2] == (400, "MANIFEST_INVALID")
    await shop.put(index(annotations={"long": "x" * (64 << 10)}), "1")  # of what is in no list, it is nobody's business


@pytest.mark.gen_test
async def test_what_half_a_character_says_is_listed_as_json() -> None:
    shop = Shop()
    data = index(subject=descriptor(NOTHING, OCI_INDEX), annotations={"half": "\ud800"})
    await shop.put(data, "1")
    (listed,) = (await shop.document(f"{IMAGE}/referrers/{digest(NOTHING)}"))["manifests"]
    assert listed["annotations"] == {"half": "\ud800"}


# --- tags that do not move ---------------------------------------------------------------------------------------

FIXED = DockerSettings(immutable_tags=("v*", "[0-9]*"))


@pytest.mark.gen_test
async def test_an_immutable_tag_keeps_its_content() -> None:
    shop = Shop(FIXED)
    await shop.put(NOTHING, "v1")
    await shop.put(NOTHING, "v1")
    error = await refused(shop, OTHER, "v1")
    assert isinstance(error, Conflict)
    status, code, message = told(error)
    assert (status, code) == (409, "DENIED")
    assert f"{IMAGE}:v1 cannot be moved" in message
    assert "immutable_tags" in message
    assert await shop.read(f"{IMAGE}/manifests/v1") == NOTHING
    await shop.put(OTHER, "latest")
    await shop.put(NOTHING, "latest")


@pytest.mark.gen_test
async def test_an_immutable_tag_comes_back_only_as_it_was() -> None:
    shop = Shop(FIXED)
    await shop.put(NOTHING, "1")
    await shop.send("DELETE", f"{IMAGE}/manifests/1")
    assert isinstance(await refused(shop, OTHER, "1"), Conflict)
    await shop.put(NOTHING, "1")


@pytest.mark.gen_test
async def test_a_push_with_tags_moves_all_of_them_or_none() -> None:
    shop = Shop(FIXED)
    await shop.put(NOTHING, str(digest(NOTHING)), query="tag=v1&tag=latest")
    error = await refused(shop, OTHER, str(digest(OTHER)), query="tag=latest&tag=v1")
    assert f"{IMAGE}:latest and {IMAGE}:v1 cannot be moved" in error.message


@pytest.mark.gen_test
async def test_what_a_group_calls_immutable_does_not_move_through_it() -> None:
    """Though the member that it passes pushes to would move it."""
    shop = Shop(FIXED)
    shop.press.format = DockerFormat(DockerSettings())
    await shop.put(NOTHING, "v1")
    await shop.put(NOTHING, "v1")
    assert isinstance(await refused(shop, OTHER, "v1"), Conflict)
    await shop.send("DELETE", f"{IMAGE}/manifests/v1")
    assert isinstance(await refused(shop, OTHER, "v1"), Conflict)
    await shop.put(NOTHING, "latest")
    await shop.put(OTHER, "latest")


# --- deletions ---------------------------------------------------------------------------------------------------


async def deleted(shop: Shop, path: str) -> Response:
    response = await shop.send("DELETE", f"{IMAGE}/{path}")
    assert (response.status, response.content) == (202, None)
    return response


@pytest.mark.gen_test
async def test_a_tag_is_deleted_alone() -> None:
    shop = Shop()
    data = await shop.image(b"layer", reference="1")
    await shop.put(data, "2")
    await deleted(shop, "manifests/1")
    assert places(shop) == {"tags/2", f"manifests/{digest(data)}"}
    with pytest.raises(ManifestUnknown) as caught:
        await shop.read(f"{IMAGE}/manifests/1")
    assert told(caught.value)[:2] == (404, "MANIFEST_UNKNOWN")
    assert caught.value.message == f"{IMAGE}:1: it was deleted from press"


@pytest.mark.gen_test
async def test_a_manifest_goes_with_its_tags_and_what_it_says_of_others() -> None:
    shop = Shop()
    subject = await shop.image(b"layer", reference="1")
    data = index(subject=descriptor(subject, OCI_MANIFEST))
    await shop.put(data, "2")
    await shop.put(data, "3")
    await deleted(shop, f"manifests/{digest(data)}")
    assert places(shop) == {"tags/1", f"manifests/{digest(subject)}"}
    assert (await shop.document(f"{IMAGE}/referrers/{digest(subject)}"))["manifests"] == []
    assert (await shop.document(f"{IMAGE}/tags/list"))["tags"] == ["1"]


@pytest.mark.gen_test
async def test_a_blob_is_deleted() -> None:
    shop = Shop()
    await shop.blob(b"layer")
    await deleted(shop, f"blobs/{digest(b'layer')}")
    assert shop.press.held == {}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("manifests/1", "MANIFEST_UNKNOWN"),
        (f"manifests/{digest(b'')}", "MANIFEST_UNKNOWN"),
        (f"blobs/{digest(b'')}", "BLOB_UNKNOWN"),
    ],
)
@pytest.mark.gen_test
async def test_what_is_not_there_is_not_deleted(path: str, code: str) -> None:
    shop = Shop()
    with pytest.raises(MxartError) as caught:
        await shop.send("DELETE", f"{IMAGE}/{path}")
    assert told(caught.value)[:2] == (404, code)


@pytest.mark.gen_test
async def test_what_was_deleted_before_is_not_there() -> None:
    shop = Shop()
    await shop.put(NOTHING, "1")
    await deleted(shop, "manifests/1")
    with pytest.raises(ManifestUnknown) as caught:
        await shop.send("DELETE", f"{IMAGE}/manifests/1")
    assert told(caught.value)[0] == 404, "nothing is gone for good in a registry"


@pytest.mark.parametrize("path", ["tags/list", f"referrers/{digest(b'')}"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.gen_test
async def test_lists_are_only_read(path: str, method: str) -> None:
    shop = Shop()
    with pytest.raises(Unsupported) as caught:
        await shop.send(method, f"{IMAGE}/{path}", b"{}")
    assert caught.value.allowed == ("GET", "HEAD")
    assert told(caught.value)[:2] == (405, "UNSUPPORTED")


@pytest.mark.gen_test
async def test_a_tag_that_none_can_have_is_refused_when_it_is_pushed_and_unknown_when_it_is_read() -> None:
    shop = Shop()
    with pytest.raises(Invalid) as invalid:
        await shop.send("PUT", f"{IMAGE}/manifests/-x", NOTHING)
    assert told(invalid.value)[:2] == (400, "MANIFEST_INVALID")
    for method in ("GET", "HEAD"):
        with pytest.raises(ManifestUnknown):
            await shop.send(method, f"{IMAGE}/manifests/-x")


# --- indexes that are not whole ----------------------------------------------------------------------------------

CACHE = index(manifests=[descriptor(b"layer", LAYER), descriptor(b"cache", "application/vnd.buildkit.cacheconfig.v0")])


@pytest.mark.gen_test
async def test_an_index_of_layers_needs_them() -> None:
    """As BuildKit pushes its cache."""
    shop = Shop()
    await shop.blob(b"layer")
    assert str(digest(b"cache")) in (await refused(shop, CACHE, "cache")).message
    await shop.blob(b"cache")
    await shop.put(CACHE, "cache")


@pytest.mark.parametrize("data", [index(b"missing"), CACHE])
@pytest.mark.gen_test
async def test_a_sparse_index_needs_nothing(data: bytes) -> None:
    shop = Shop(DockerSettings(sparse_indexes=True))
    await shop.put(data, "1")
    assert json.loads(await shop.read(f"{IMAGE}/manifests/1"))["manifests"]


@pytest.mark.gen_test
async def test_only_indexes_are_sparse() -> None:
    assert isinstance(
        await refused(Shop(DockerSettings(sparse_indexes=True)), manifest(b"missing"), "1"), ManifestBlobUnknown
    )
