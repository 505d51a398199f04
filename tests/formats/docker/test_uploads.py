"""Blobs on their way in: every step of an upload, what goes wrong at each, and blobs that another image has already."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from mxart import errors
from mxart.contract import Context, Publication
from mxart.errors import Denied, MxartError, NotFound, StoreFull, TooLarge, Unauthenticated, Unsupported
from mxart.formats.docker import paths
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.names import DigestInvalid
from mxart.formats.docker.settings import DockerSettings
from mxart.formats.docker.wire import SizeInvalid, UploadInvalid, UploadUnknown
from mxart.model import Blob, Content, Digest, Grant, Principal, Resource, Response
from tests.formats.docker.shop import IMAGE, SOMEBODY, Shop, content_of, told
from tests.formats.press import Press, digest
from tests.formats.suite import in_pieces

UPLOADS = f"{IMAGE}/blobs/uploads/"
DATA = bytes(range(256)) * 100
NOBODY = Principal()


def sha512(data: bytes) -> Digest:
    return Digest("sha512", hashlib.sha512(data).hexdigest())


def held(shop: Shop) -> dict[str, bytes]:
    return {path.removeprefix(f"{IMAGE}/-/blobs/"): data for path, data in shop.press.held.items()}


async def begun(shop: Shop) -> str:
    """The path of a new upload, below the repository."""
    response = await shop.send("POST", UPLOADS)
    assert response.status == 202
    return path_of(response)


def path_of(response: Response) -> str:
    location = response.headers["Location"]
    assert location.startswith("/v2/hub/")
    return location.removeprefix("/v2/hub/")


def state(response: Response) -> tuple[int, str]:
    """Its status, and how far the upload is; always where it goes on, too."""
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert path_of(response).endswith(response.headers["Docker-Upload-UUID"])
    return response.status, response.headers["Range"]


async def refused(kind: type[MxartError], shop: Shop, *args: Any, **more: Any) -> tuple[int, str, str]:
    with pytest.raises(kind) as caught:
        await shop.send(*args, **more)
    assert shop.press.left_behind == []
    return told(caught.value)


# --- all at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [DATA, b"x", b""], ids=len)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.gen_test
async def test_a_blob_in_one_request(data: bytes, algorithm: str) -> None:
    shop, name = Shop(), digest(data, algorithm)
    response = await shop.send("POST", UPLOADS, data, f"digest={name}")
    assert (response.status, response.content) == (201, None)
    assert response.headers == {
        "Docker-Distribution-Api-Version": "registry/2.0",
        "Location": f"/v2/hub/{IMAGE}/blobs/{name}",
        "Docker-Content-Digest": str(name),
    }
    assert held(shop) == {str(name): data}
    assert shop.press.left_behind == []
    assert await shop.read(f"{IMAGE}/blobs/{name}") == data


@pytest.mark.gen_test
async def test_a_slash_more_or_less() -> None:
    shop = Shop()
    assert (await shop.send("POST", UPLOADS.rstrip("/"))).status == 202
    assert (await shop.send("POST", UPLOADS.rstrip("/"), b"x", f"digest={digest(b'x')}")).status == 201


@pytest.mark.gen_test
async def test_what_is_there_already_is_taken_again() -> None:
    shop = Shop()
    for _ in range(2):
        assert await shop.blob(DATA) == str(digest(DATA))
    assert shop.press.left_behind == []


@pytest.mark.parametrize("wrong", [digest(b"other"), sha512(b"other")], ids=lambda wrong: wrong.algorithm)
@pytest.mark.gen_test
async def test_a_wrong_digest_leaves_nothing(wrong: Digest) -> None:
    shop = Shop()
    assert (await refused(DigestInvalid, shop, "POST", UPLOADS, DATA, f"digest={wrong}"))[:2] == (400, "DIGEST_INVALID")
    assert (held(shop), shop.press.left_behind) == ({}, [])


@pytest.mark.parametrize("text", ["", "x", "sha256:x", f"md5:{'a' * 32}", f"SHA256:{'a' * 64}", "%ff"])
@pytest.mark.gen_test
async def test_what_is_no_digest_is_refused_before_anything_is_read(text: str) -> None:
    shop = Shop()
    assert (await refused(errors.Invalid, shop, "POST", UPLOADS, DATA, f"digest={text}"))[0] == 400
    assert shop.press.uploads == []


# --- in many requests --------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_blob_as_docker_sends_it() -> None:
    """POST, one PATCH of unknown length, an empty PUT."""
    shop = Shop()
    response = await shop.send("POST", UPLOADS)
    assert state(response) == (202, "0-0")
    assert response.content is None
    response = await shop.send("PATCH", path_of(response), DATA)
    assert state(response) == (202, f"0-{len(DATA) - 1}")
    response = await shop.send("PUT", path_of(response), query=f"digest={digest(DATA)}")
    assert response.status == 201
    assert response.headers["Location"] == f"/v2/hub/{IMAGE}/blobs/{digest(DATA)}"
    assert response.headers["Docker-Content-Digest"] == str(digest(DATA))
    assert held(shop) == {str(digest(DATA)): DATA}
    assert shop.press.left_behind == []
    assert len(shop.press.uploads) == 1


@pytest.mark.gen_test
async def test_a_blob_in_chunks_of_which_the_last_comes_with_put() -> None:
    shop = Shop()
    path = await begun(shop)
    for first in (0, 1000, 2000):
        response = await shop.send(
            "PATCH", path, DATA[first : first + 1000], headers=ranged(first, first + 999, length=1000)
        )
        assert state(response) == (202, f"0-{first + 999}")
    last = DATA[3000:]
    response = await shop.send(
        "PUT", path, last, f"digest={sha512(DATA)}", headers=ranged(3000, len(DATA) - 1, length=len(last))
    )
    assert response.status == 201
    assert held(shop) == {str(sha512(DATA)): DATA}


@pytest.mark.gen_test
async def test_an_empty_blob() -> None:
    shop = Shop()
    path = await begun(shop)
    assert state(await shop.send("PATCH", path)) == (202, "0-0")
    assert (await shop.send("PUT", path, query=f"digest={digest(b'')}")).status == 201
    assert held(shop) == {str(digest(b"")): b""}


def ranged(first: object, last: object, length: int | None = None) -> Mapping[str, str]:
    fields = {"content-range": f"{first}-{last}"}
    return fields if length is None else {**fields, "content-length": str(length)}


# --- where bytes belong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["5-9", "bytes 5-9/*", "bytes=5-9", "bytes 5-9/10", " 5-9 ", "5-9/10", "05-09"])
@pytest.mark.parametrize("length", [None, 5])
@pytest.mark.gen_test
async def test_ranges_that_go_on_where_it_is(field: str, length: int | None) -> None:
    shop = Shop()
    path = await begun(shop)
    await shop.send("PATCH", path, DATA[:5])
    headers = {"content-range": field} | ({} if length is None else {"content-length": str(length)})
    assert state(await shop.send("PATCH", path, DATA[5:10], headers=headers)) == (202, "0-9")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("first", [0, 4, 6, 1000, 10**17])
@pytest.mark.gen_test
async def test_a_chunk_out_of_order_keeps_the_session(method: str, first: int) -> None:
    shop = Shop()
    path = await begun(shop)
    await shop.send("PATCH", path, DATA[:5])
    query = f"digest={digest(DATA)}"
    response = await shop.send(method, path, DATA[5:], query, headers=ranged(first, first + 4, length=5))
    assert state(response) == (416, "0-4")
    assert b"BLOB_UPLOAD_INVALID" in await content_of(response)
    assert state(await shop.send("GET", path)) == (204, "0-4")
    await shop.send("PATCH", path, DATA[5:])
    assert (await shop.send("PUT", path, query=query)).status == 201


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    "field",
    ["x", "-", "5-", "-9", "5", "9-5", "5-9-12", "five-nine", "5 - 9", "items 5-9", "٥-٩", "5-" + "9" * 19, "9" * 5000],
    ids=lambda field: field[:12],
)
@pytest.mark.gen_test
async def test_ranges_that_are_none(method: str, field: str) -> None:
    shop = Shop()
    path = await begun(shop)
    query, headers = f"digest={digest(DATA)}", {"content-range": field}
    status, code, message = await refused(UploadInvalid, shop, method, path, DATA, query, headers=headers)
    assert (status, code) == (400, "BLOB_UPLOAD_INVALID")
    assert len(message) < 300
    assert state(await shop.send("GET", path)) == (204, "0-0"), "it can go on"


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("length", [0, 4, 6])
@pytest.mark.gen_test
async def test_a_range_must_have_the_length_of_the_body(method: str, length: int) -> None:
    shop = Shop()
    path = await begun(shop)
    query, headers = f"digest={digest(DATA)}", ranged(0, 4, length=length)
    status, code, _ = await refused(SizeInvalid, shop, method, path, DATA[:length], query, headers=headers)
    assert (status, code) == (400, "SIZE_INVALID")
    assert state(await shop.send("GET", path)) == (204, "0-0")


# --- breaking off, and going on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    "failure", [asyncio.CancelledError(), StoreFull("no room"), TooLarge("too large", 1)], ids=repr
)
@pytest.mark.gen_test
async def test_what_breaks_off_goes_on_where_it_was(method: str, failure: BaseException) -> None:
    shop = Shop()
    path, query = await begun(shop), f"digest={digest(DATA)}"
    with pytest.raises(type(failure)):
        await shop.send(method, path, in_pieces(DATA[:1000], failure), query)
    assert shop.press.left_behind == []
    assert state(await shop.send("GET", path)) == (204, "0-999")
    response = await shop.send("PUT", path, DATA[1000:], query, headers=ranged(1000, len(DATA) - 1))
    assert response.status == 201
    assert held(shop) == {str(digest(DATA)): DATA}


@pytest.mark.gen_test
async def test_a_post_that_breaks_off_leaves_nothing() -> None:
    shop = Shop()
    with pytest.raises(asyncio.CancelledError):
        await shop.send("POST", UPLOADS, in_pieces(DATA, asyncio.CancelledError()), f"digest={digest(DATA)}")
    assert shop.press.uploads[0].cancelled


@pytest.mark.gen_test
async def test_a_wrong_digest_in_the_end_ends_it() -> None:
    shop = Shop()
    path = await begun(shop)
    await shop.send("PATCH", path, DATA)
    query = f"digest={digest(b'other')}"
    assert (await refused(DigestInvalid, shop, "PUT", path, b"", query))[:2] == (400, "DIGEST_INVALID")
    assert held(shop) == {}
    assert (await refused(UploadUnknown, shop, "GET", path))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("query", ["", "digest=", "digest=x", f"digest=md5:{'a' * 32}", "digest=%ff"])
@pytest.mark.gen_test
async def test_what_is_no_digest_in_the_end_leaves_it_as_it_was(query: str) -> None:
    shop = Shop()
    path = await begun(shop)
    await shop.send("PATCH", path, DATA)
    assert (await refused(errors.Invalid, shop, "PUT", path, b"", query))[0] == 400
    assert (await shop.send("PUT", path, query=f"digest={digest(DATA)}")).status == 201


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.gen_test
async def test_how_far_it_is(method: str) -> None:
    shop = Shop()
    path = await begun(shop)
    assert state(await shop.send(method, path)) == (204, "0-0")
    await shop.send("PATCH", path, b"x")
    assert state(await shop.send(method, path)) == (204, "0-0")
    await shop.send("PATCH", path, b"y")
    assert state(await shop.send(method, path)) == (204, "0-1")
    assert shop.press.left_behind == []


@pytest.mark.gen_test
async def test_it_is_given_up() -> None:
    shop = Shop()
    path = await begun(shop)
    response = await shop.send("DELETE", path)
    assert (response.status, response.content) == (204, None)
    assert shop.press.uploads[0].cancelled
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert (await refused(UploadUnknown, shop, method, path, b"", f"digest={digest(b'')}"))[:2] == (
            404,
            "BLOB_UPLOAD_UNKNOWN",
        )


@pytest.mark.parametrize("path", [f"{UPLOADS}u-99", f"{UPLOADS}..", "team/other/blobs/uploads/u-1"])
@pytest.mark.gen_test
async def test_an_upload_of_nobody_or_of_another_image(path: str) -> None:
    shop = Shop()
    await begun(shop)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert (await refused(UploadUnknown, shop, method, path, b"", f"digest={digest(b'')}"))[0] == 404


@pytest.mark.gen_test
async def test_two_requests_at_one_upload() -> None:
    shop = Shop()
    path, written, go_on = await begun(shop), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield DATA[:5]
        written.set()
        await go_on.wait()
        yield DATA[5:]

    task = asyncio.ensure_future(shop.send("PATCH", path, slow()))
    await written.wait()
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        with pytest.raises(errors.Conflict):
            await shop.send(method, path, b"x", f"digest={digest(b'x')}")
    go_on.set()
    assert state(await task) == (202, f"0-{len(DATA) - 1}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", UPLOADS, ("POST",)),
        ("PUT", UPLOADS, ("POST",)),
        ("POST", f"{UPLOADS}u-1", ("GET", "HEAD", "PATCH", "PUT", "DELETE")),
        ("BREW", f"{UPLOADS}u-1", ("GET", "HEAD", "PATCH", "PUT", "DELETE")),
    ],
)
@pytest.mark.gen_test
async def test_methods_that_there_are_not(method: str, path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(Unsupported) as caught:
        await Shop().send(method, path)
    assert caught.value.allowed == allowed


# --- blobs of other images ---------------------------------------------------------------------------------------


def mount(name: Digest, source: str | None = None) -> str:
    return f"mount={name}" + ("" if source is None else f"&from={source}")


async def two_images(readable: Mapping[str, tuple[str, ...]] | None = None) -> Shop:
    """One has the blob, the other wants it."""
    shop = Shop(readable=readable or {})
    await shop.blob(DATA, "team/source")
    return shop


@pytest.mark.parametrize("source", ["hub/team/source", None, ""])
@pytest.mark.gen_test
async def test_a_blob_of_another_image_is_taken_over(source: str | None) -> None:
    shop = await two_images()
    response = await shop.send("POST", UPLOADS, query=mount(digest(DATA), source))
    assert (response.status, response.headers["Docker-Content-Digest"]) == (201, str(digest(DATA)))
    assert response.headers["Location"] == f"/v2/hub/{IMAGE}/blobs/{digest(DATA)}"
    assert await shop.read(f"{IMAGE}/blobs/{digest(DATA)}") == DATA
    assert len(shop.press.uploads) == 1, "nothing was sent"
    assert shop.press.left_open == []


@pytest.mark.gen_test
async def test_a_blob_is_taken_over_under_the_name_that_it_has_there() -> None:
    shop = Shop()
    await shop.send("POST", "team/source/blobs/uploads/", DATA, f"digest={sha512(DATA)}")
    response = await shop.send("POST", UPLOADS, query=mount(sha512(DATA), "hub/team/source"))
    assert response.status == 201
    assert await shop.read(f"{IMAGE}/blobs/{sha512(DATA)}") == DATA
    assert (await shop.send("POST", UPLOADS, query=mount(digest(DATA), "hub/team/source"))).status == 202


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (digest(b"missing"), "hub/team/source"),
        (digest(b"missing"), None),
        (digest(DATA), "hub/team/nobody"),
        (digest(DATA), "elsewhere/team/source"),
        (digest(DATA), "hub"),
        (digest(DATA), "team/source"),
        (digest(DATA), "hub/team/source/"),
        (digest(DATA), "hub/../hub/team/source"),
        (digest(DATA), "../../etc"),
        (digest(DATA), "%2Fhub/team/source"),
        (digest(DATA), "%0d%0a"),
        (digest(DATA), "x" * 10_000),
    ],
    ids=lambda value: str(value)[:24],
)
@pytest.mark.gen_test
async def test_what_is_not_there_has_to_be_sent(name: Digest, source: str | None) -> None:
    """202, never 404: the client goes on with the session that it is given."""
    shop = await two_images()
    response = await shop.send("POST", UPLOADS, query=mount(name, source))
    assert state(response) == (202, "0-0")
    assert (await shop.send("PUT", path_of(response), b"x", f"digest={digest(b'x')}")).status == 201
    assert shop.press.left_open == []


@pytest.mark.gen_test
async def test_what_may_not_be_read_has_to_be_sent() -> None:
    """And nobody is told that it is there."""
    shop = await two_images({"hub/team/source": ("owner",)})
    for source in ("hub/team/source", None):
        assert (await shop.send("POST", UPLOADS, query=mount(digest(DATA), source))).status == 202
        assert (await shop.send("POST", UPLOADS, query=mount(digest(b"missing"), source))).status == 202
    owner = Principal(name="owner")
    assert (await shop.send("POST", UPLOADS, query=mount(digest(DATA)), principal=owner)).status == 201


LIMITED = Principal(name="somebody", limits=(Grant("write", "hub", f"{IMAGE}/*"),))


@pytest.mark.gen_test
async def test_a_token_that_is_not_good_for_the_source_is_to_be_replaced() -> None:
    shop = await two_images({"hub/team/source": ("somebody",)})
    with pytest.raises(Unauthenticated) as caught:
        await shop.send("POST", UPLOADS, query=mount(digest(DATA), "hub/team/source"), principal=LIMITED)
    assert caught.value.reason == "insufficient_scope"
    assert "hub/team/source" in caught.value.message
    assert shop.press.left_behind == []
    stranger = Principal(name="stranger", limits=LIMITED.limits)
    query = mount(digest(DATA), "hub/team/source")
    assert (await shop.send("POST", UPLOADS, query=query, principal=stranger)).status == 202


@pytest.mark.gen_test
async def test_without_a_source_no_token_can_name_it() -> None:
    """So what counts is who asks."""
    shop = await two_images({"hub/team/source": ("somebody",)})
    assert (await shop.send("POST", UPLOADS, query=mount(digest(DATA)), principal=LIMITED)).status == 201


@pytest.mark.gen_test
async def test_a_blob_of_another_repository() -> None:
    other = Press(DockerFormat(DockerSettings()), "other")
    shop = Shop(others={"other": other})
    other.held[paths.blob(IMAGE, digest(DATA)).path] = DATA
    query = mount(digest(DATA), f"other/{IMAGE}")
    assert (await shop.send("POST", UPLOADS, query=query)).status == 202, "in another store"
    other.store = shop.press.store
    other.store[digest(DATA)] = DATA
    assert (await shop.send("POST", UPLOADS, query=query)).status == 201
    assert (await shop.send("POST", UPLOADS, query=mount(digest(b"x"), f"other/{IMAGE}"))).status == 202
    assert other.asked_upstream == [], "nothing is fetched for it"
    assert other.left_open == []


class Elsewhere(Press):
    """Its content is where it cannot be taken over from."""

    error: MxartError | None = None

    async def get(self, resource: Resource, context: Context) -> Content:
        if self.error is not None:
            raise self.error
        return await super().get(resource, context)


@pytest.mark.parametrize("error", [NotFound("no"), Denied("no"), errors.Conflict("no")], ids=repr)
@pytest.mark.gen_test
async def test_a_source_that_refuses_is_no_source(error: MxartError) -> None:
    other = Elsewhere(DockerFormat(DockerSettings()), "other")
    other.error = error
    shop = Shop(others={"other": other})
    assert (await shop.send("POST", UPLOADS, query=mount(digest(DATA), f"other/{IMAGE}"))).status == 202


@pytest.mark.parametrize("text", ["", "x", "sha256:x", f"md5:{'a' * 32}"])
@pytest.mark.gen_test
async def test_what_is_no_digest_cannot_be_taken_over(text: str) -> None:
    status, code, _ = await refused(DigestInvalid, Shop(), "POST", UPLOADS, query=f"mount={text}&from=hub/{IMAGE}")
    assert (status, code) == (400, "DIGEST_INVALID")


@pytest.mark.gen_test
async def test_a_blob_is_looked_for_in_many_images() -> None:
    shop = Shop()
    for number in range(200):
        await shop.blob(b"%d" % number, f"many/image-{number:03}")
    response = await shop.send("POST", UPLOADS, query=mount(digest(b"199")))
    assert response.status == 201


@pytest.mark.gen_test
async def test_a_repository_that_takes_nothing_says_so() -> None:
    class Full(Press):
        async def publish(self, publication: Publication, context: Context) -> bool:
            raise StoreFull("no room")

    shop = await two_images()
    full = Full(shop.format, store=shop.press.store)
    full.held, full.entries = shop.press.held, shop.press.entries
    shop.press = shop.others["hub"] = full
    with pytest.raises(StoreFull):
        await shop.send("POST", UPLOADS, query=mount(digest(DATA), "hub/team/source"))
    assert full.left_open == []
    with pytest.raises(StoreFull):
        await shop.send("POST", UPLOADS, b"x", f"digest={digest(b'x')}")
    assert full.left_behind == []


@pytest.mark.gen_test
async def test_a_blob_is_of_one_image() -> None:
    shop = Shop()
    await shop.blob(DATA, "team/source")
    with pytest.raises(NotFound) as caught:
        await shop.read(f"{IMAGE}/blobs/{digest(DATA)}")
    assert told(caught.value)[:2] == (404, "BLOB_UNKNOWN")
    content = (await shop.send("GET", f"team/source/blobs/{digest(DATA)}", principal=SOMEBODY)).content
    assert isinstance(content, Blob)
    content.close()
