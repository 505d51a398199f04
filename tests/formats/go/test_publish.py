"""Publishing and deleting: all or nothing, whatever a client sends, and no upload is ever left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mxart.contract import Context
from mxart.documents import whole
from mxart.errors import Conflict, Gone, Invalid, NotFound, TooLarge, Unsupported
from mxart.formats.go.format import GoFormat
from mxart.formats.go.settings import GoSettings
from mxart.model import Bytes, Redirect, Request, Resource, Response
from tests.formats.go.test_modzip import BAD, STRICTER
from tests.formats.go.zips import PREFIX, End, Member, deflate
from tests.formats.go.zips import archive as make
from tests.formats.press import Press
from tests.support.modules import Module, escape, module_zip

MIB = 1 << 20
HELLO = Module("example.com/Hello", "v1.0.0", {"hello.go": "package hello\n"})
OTHER = replace(HELLO, files={"hello.go": "package hello // other\n"})
M = Module("example.com/m", "v1.0.0", {"m.go": "package m\n"})


class Shop:
    """A Go repository that is published to."""

    def __init__(self, settings: GoSettings | None = None) -> None:
        self.format = GoFormat(settings or GoSettings())
        self.press = Press(self.format)

    async def send(
        self, method: str, path: str, data: bytes = b"", query: str = "", length: int | None = None
    ) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 10_000):
                yield data[at : at + 10_000]

        headers = {} if length is None else {"content-length": str(length)}
        request = Request(method=method, path=path, query=query, headers=headers, body=body())
        return await self.format.answer(request, self.format.parse(request), self.press, Context())

    async def put(self, module: Module, query: str = "") -> tuple[int, str]:
        return told(await self.send("PUT", path_of(module, "zip"), module.zip, query))

    async def put_beside(self, module: Module, kind: str, data: bytes) -> int:
        return (await self.send("PUT", path_of(module, kind), data)).status

    async def read(self, path: str) -> bytes:
        content = (await self.send("GET", path)).content
        assert content is not None
        return await whole(content, 1 << 20)

    async def info(self, module: Module) -> dict[str, str]:
        document = json.loads(await self.read(path_of(module, "info")))
        assert isinstance(document, dict)
        return document


def path_of(module: Module, kind: str) -> str:
    return f"{escape(module.path)}/@v/{escape(module.version)}.{kind}"


def told(response: Response) -> tuple[int, str]:
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "text/plain; charset=utf-8"
    return response.status, response.content.data.decode()


def sums(module: Module) -> str:
    return (
        f"{module.path} {module.version} {module.zip_hash}\n{module.path} {module.version}/go.mod {module.gomod_hash}\n"
    )


# --- a zip ---------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_one_put_of_the_zip_is_enough() -> None:
    shop = Shop()
    assert await shop.put(HELLO) == (201, sums(HELLO))
    assert await shop.read(path_of(HELLO, "zip")) == HELLO.zip
    assert await shop.read(path_of(HELLO, "mod")) == HELLO.gomod
    info = await shop.info(HELLO)
    assert info["Version"] == "v1.0.0"
    assert json.loads(await shop.read("example.com/!hello/@latest")) == info, "the same second in both"
    assert await shop.read("example.com/!hello/@v/list") == b"v1.0.0\n"
    assert len(shop.press.publications) == 1, "in one transaction"
    assert shop.press.left_behind == []
    assert shop.press.asked_upstream == []


@pytest.mark.gen_test
async def test_the_same_again_is_no_change_and_other_content_is_refused() -> None:
    shop = Shop()
    await shop.put(HELLO, "time=2024-05-06T07:08:09Z")
    assert await shop.put(HELLO) == (200, sums(HELLO))
    assert (await shop.info(HELLO))["Time"] == "2024-05-06T07:08:09Z"
    with pytest.raises(Conflict):
        await shop.put(OTHER)
    assert await shop.read(path_of(HELLO, "zip")) == HELLO.zip
    assert shop.press.left_behind == []


@pytest.mark.parametrize(
    "module",
    [
        Module("example.com/m/v2", "v2.1.0", {"m.go": "package m\n"}),
        Module("example.com/m", "v2.0.0+incompatible", {"m.go": "package m\n"}),
        Module("example.com/m", "v0.0.0-20240102030405-0123456789ab", {"m.go": "package m\n"}),
        Module("gopkg.in/m.v3", "v3.0.1", {"m.go": "package m\n"}),
        Module("example.com/m", "v1.0.0-RC1", {"m.go": "package m\n"}),
        Module("example.com/m", "v1.0.0", {"go.mod": 'module "example.com/m" // Deprecated: yes\n'}),
    ],
    ids=lambda module: f"{module.path}@{module.version}",
)
@pytest.mark.gen_test
async def test_versions_of_all_kinds(module: Module) -> None:
    shop = Shop()
    assert await shop.put(module) == (201, sums(module))
    assert await shop.read(path_of(module, "mod")) == module.gomod
    listed = await shop.read(f"{escape(module.path)}/@v/list")
    assert listed == (b"" if "2024" in module.version else f"{module.version}\n".encode())
    assert json.loads(await shop.read(f"{escape(module.path)}/@latest"))["Version"] == module.version


@pytest.mark.gen_test
async def test_forks_where_they_are_allowed() -> None:
    fork = replace(M, files={"go.mod": "module example.com/original\n"})
    with pytest.raises(Invalid, match="allow_forks"):
        await Shop().put(fork)
    assert await Shop(GoSettings(allow_forks=True)).put(fork) == (201, sums(fork))


HOSTILE = {
    **BAD,
    **STRICTER,
    "nothing": b"",
    "a bomb: it unpacks to more than it declares": make([Member(size=10, packed=deflate(bytes(32 * MIB)))]),
    "a bomb: one byte more than the limit, declared": make([Member(size=500 * MIB + 1)]),
    "a bomb: many entries over the same bytes": make([Member(name=f"{PREFIX}{n}", offset=0) for n in range(100)]),
    "a go.mod of 16 MiB + 1": make([Member(name=PREFIX + "go.mod", data=bytes(16 * MIB + 1))]),
    "a LICENSE of 16 MiB + 1": make([Member(name=PREFIX + "LICENSE", data=bytes(16 * MIB + 1))]),
    "a huge directory": make([Member()], End(zip64=True, count=1 << 20)),
    "bytes after the end": M.zip + b"x",
    "cut": M.zip[:-1],
    "another module's go.mod": module_zip(M.path, M.version, {"go.mod": b"module example.com/other\n"}),
    "HTML as go.mod": module_zip(M.path, M.version, {"go.mod": b"<html>module example.com/m</html>\n"}),
    "a go.mod without its directive": module_zip(M.path, M.version, {"go.mod": b"go 1.21\n"}),
    "two module directives": module_zip(M.path, M.version, {"go.mod": b"module example.com/m\n" * 2}),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.gen_test
async def test_hostile_zips_leave_nothing(data: bytes) -> None:
    shop = Shop()
    with pytest.raises(Invalid) as caught:
        await shop.send("PUT", path_of(M, "zip"), data)
    first, second = caught.value.message.split("\n", 1)
    assert first.endswith(".")
    assert "Nothing was published." in second
    assert caught.value.message.replace("\n", "").isprintable()
    assert (shop.press.publications, shop.press.left_behind) == ([], [])
    assert len(shop.press.uploads) == 1


@pytest.mark.gen_test
async def test_what_is_said_to_be_too_large_is_not_asked_for() -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("it was asked for")
        yield b""

    shop = Shop()
    for kind, limit in (("zip", 500 * MIB), ("mod", 16 * MIB), ("info", MIB // 16)):
        request = Request(method="PUT", path=path_of(M, kind), headers={"content-length": str(limit + 1)}, body=body())
        with pytest.raises(TooLarge) as caught:
            await shop.format.answer(request, shop.format.parse(request), shop.press, Context())
        assert caught.value.limit == limit
    assert shop.press.left_behind == []


@pytest.mark.gen_test
async def test_what_turns_out_to_be_too_large_is_dropped() -> None:
    shop = Shop()
    with pytest.raises(TooLarge):
        await shop.send("PUT", path_of(M, "info"), b" " * (MIB // 16 + 1))
    assert (len(shop.press.uploads), shop.press.left_behind) == (1, [])


@pytest.mark.parametrize("kind", ["zip", "mod", "info"])
@pytest.mark.gen_test
async def test_a_client_that_leaves(kind: str) -> None:
    arrived = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"some"
        arrived.set()
        await asyncio.Event().wait()

    shop = Shop()
    request = Request(method="PUT", path=path_of(M, kind), body=body())
    task = asyncio.create_task(shop.format.answer(request, shop.format.parse(request), shop.press, Context()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (len(shop.press.uploads), shop.press.left_behind, shop.press.publications) == (1, [], [])


# --- when it was published --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "time"),
    [
        ("time=2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"),
        ("time=2024-05-06T07:08:09.999Z", "2024-05-06T07:08:09Z"),
        ("time=2024-05-06T07:08:09+02:00", "2024-05-06T05:08:09Z"),
        ("time=2024-05-06T07%3A08%3A09%2B02%3A00", "2024-05-06T05:08:09Z"),
    ],
)
@pytest.mark.gen_test
async def test_the_time_asked_for(query: str, time: str) -> None:
    shop = Shop()
    assert (await shop.put(M, query))[0] == 201
    assert await shop.info(M) == {"Version": "v1.0.0", "Time": time}
    assert json.loads(await shop.read("example.com/m/@latest"))["Time"] == time


@pytest.mark.parametrize(
    "query",
    [
        "time=",
        "time",
        "time=yesterday",
        "time=2024-05-06",
        "time=2024-05-06T07:08:09",
        "time=2024-05-06t07:08:09z",
        "time=2024-02-30T00:00:00Z",
        "time=1970-01-01T00:00:00Z",
        "time=0001-01-01T00:00:00Z",
        "time=9999-12-31T23:59:59-23:59",
        "time=2024-05-06T07:08:09Z&time=2024-05-06T07:08:09Z",
        "time=2024-05-06T07:08:09Z&x=y",
        "Time=2024-05-06T07:08:09Z",
        "force=true",
        "%00",
    ],
)
@pytest.mark.gen_test
async def test_other_queries_are_refused(query: str) -> None:
    shop = Shop()
    with pytest.raises(Invalid):
        await shop.put(M, query)
    assert shop.press.uploads == []


# --- an .info or .mod of its own --------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_explicit_files_before_the_zip_take_effect_with_it() -> None:
    shop = Shop()
    assert await shop.put_beside(HELLO, "mod", HELLO.gomod) == 202
    assert await shop.put_beside(HELLO, "info", HELLO.info) == 202
    for path in (path_of(HELLO, "mod"), path_of(HELLO, "info"), "example.com/!hello/@v/list"):
        with pytest.raises(NotFound):
            await shop.read(path)
    shop.press.asked_upstream.clear()
    assert (await shop.put(HELLO))[0] == 201
    assert await shop.info(HELLO) == {"Version": "v1.0.0", "Time": HELLO.time}
    assert {path for path in shop.press.held if path.startswith("staged/")} == set()
    assert shop.press.left_behind == []
    assert shop.press.asked_upstream == []


@pytest.mark.gen_test
async def test_the_newest_of_what_waits_counts() -> None:
    shop = Shop()
    assert await shop.put_beside(M, "mod", b"module example.com/m // wrong\n") == 202
    with pytest.raises(Invalid, match="DELETE"):
        await shop.put(M)
    assert await shop.put_beside(M, "mod", M.gomod) == 202
    assert (await shop.put(M))[0] == 201


@pytest.mark.parametrize(
    ("told", "query", "status"),
    [
        ("2024-05-06T07:08:09Z", "time=2024-05-06T07:08:09Z", 201),
        ("2024-05-06T07:08:09.5Z", "time=2024-05-06T09:08:09%2B02:00", 201),
        ("2024-05-06T07:08:09Z", "time=2024-05-06T07:08:10Z", 400),
        ("0001-01-01T00:00:00Z", "time=2024-05-06T07:08:09Z", 201),
    ],
)
@pytest.mark.gen_test
async def test_a_time_must_agree_with_the_info_that_waits(told: str, query: str, status: int) -> None:
    shop = Shop()
    assert await shop.put_beside(M, "info", json.dumps({"Version": "v1.0.0", "Time": told}).encode()) == 202
    if status == 400:
        with pytest.raises(Invalid, match="another time"):
            await shop.put(M, query)
        return
    assert (await shop.put(M, query))[0] == status
    assert (await shop.info(M))["Time"] == "2024-05-06T07:08:09Z"


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("mod", M.gomod, 200),
        ("mod", M.gomod + b"\n", 409),
        ("info", b'{"Version":"v1.0.0"}', 200),
        ("info", b'{"Version":"v1.0.0","Time":"2024-05-06T07:08:09Z","Origin":{}}', 200),
        ("info", b'{"Version":"v1.0.0","Time":"2024-05-06T07:08:10Z"}', 409),
        ("info", b'{"Version":"v1.0.1"}', 400),
        ("info", b"{}", 400),
        ("info", b"", 400),
        ("mod", b"module example.com/other\n", 400),
        ("mod", b"", 400),
        ("mod", b"<html>module example.com/m</html>", 400),
    ],
)
@pytest.mark.parametrize("is_published", [True, False])
@pytest.mark.gen_test
async def test_explicit_files_are_checked(kind: str, data: bytes, status: int, is_published: bool) -> None:
    shop = Shop()
    if is_published:
        await shop.put(M, "time=2024-05-06T07:08:09Z")
    before = dict(shop.press.held)
    error = {400: Invalid, 409: Conflict}.get(status if is_published or status == 400 else 202)
    if error:
        with pytest.raises(error):
            await shop.put_beside(M, kind, data)
    else:
        assert await shop.put_beside(M, kind, data) == (200 if is_published else 202)
    if error or is_published:
        assert shop.press.held == before
    assert shop.press.left_behind == []


@pytest.mark.parametrize("agrees", [True, False])
@pytest.mark.gen_test
async def test_a_zip_that_comes_while_its_mod_is_put_aside(agrees: bool) -> None:
    shop = Shop()

    class Late(Press):
        async def publish(self, publication, context):  # type: ignore[no-untyped-def]
            is_new = await super().publish(publication, context)
            if publication.replace:
                self.held[path_of(M, "mod")] = M.gomod
            return is_new

    shop.press = Late(shop.format)
    sent = M.gomod if agrees else M.gomod + b"// other\n"
    if agrees:
        assert await shop.put_beside(M, "mod", sent) == 200
    else:
        with pytest.raises(Conflict):
            await shop.put_beside(M, "mod", sent)
    assert set(shop.press.held) == {path_of(M, "mod")}, "nothing waits for a zip that has come"


@pytest.mark.parametrize("kind", ["mod", "info"])
@pytest.mark.gen_test
async def test_only_zips_take_a_time(kind: str) -> None:
    with pytest.raises(Invalid):
        await Shop().send("PUT", path_of(M, kind), M.gomod, "time=2024-05-06T07:08:09Z")


@pytest.mark.gen_test
async def test_a_document_that_lies_elsewhere_is_a_mistake_of_ours() -> None:
    class Elsewhere(Press):
        async def get(self, resource: Resource, context: Context) -> Redirect:
            return Redirect(url="https://blobs.example.org/1")

    shop = Shop()
    shop.press = Elsewhere(shop.format)
    with pytest.raises(TypeError):
        await shop.put(M)
    assert shop.press.left_behind == []


# --- deleting, and all else -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "mod", "info"])
@pytest.mark.gen_test
async def test_a_version_is_deleted_whole(kind: str) -> None:
    shop = Shop()
    await shop.put(HELLO)
    status, text = told(await shop.send("DELETE", path_of(HELLO, kind)))
    assert status == 200
    assert "mxart trash restore" in text
    assert shop.press.held == {}
    with pytest.raises(Gone):
        await shop.send("DELETE", path_of(HELLO, "zip"))
    with pytest.raises(Conflict):
        await shop.put(OTHER)
    assert await shop.put(HELLO) == (201, sums(HELLO))


@pytest.mark.gen_test
async def test_what_waits_for_its_zip_is_deleted_too() -> None:
    shop = Shop()
    await shop.put_beside(M, "mod", b"module example.com/m // wrong\n")
    assert (await shop.send("DELETE", path_of(M, "zip"))).status == 200
    assert (await shop.put(M))[0] == 201
    with pytest.raises(NotFound):
        await Shop().send("DELETE", path_of(M, "zip"))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "example.com/m/@v/list", ("GET", "HEAD")),
        ("DELETE", "example.com/m/@v/list", ("GET", "HEAD")),
        ("PUT", "example.com/m/@latest", ("GET", "HEAD")),
        ("POST", "example.com/m/@v/v1.0.0.zip", ("GET", "HEAD", "PUT", "DELETE")),
        ("PATCH", "example.com/m/@v/v1.0.0.info", ("GET", "HEAD", "PUT", "DELETE")),
    ],
)
@pytest.mark.gen_test
async def test_other_methods(method: str, path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(Unsupported) as caught:
        await Shop().send(method, path)
    assert caught.value.allowed == allowed


@pytest.mark.parametrize("version", ["main", "v1", "v2.0.0", "v1.0.0+meta", "0123456789ab"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.gen_test
async def test_what_leads_to_a_version_is_none(method: str, version: str) -> None:
    shop = Shop()
    with pytest.raises(Invalid, match="such as v1"):
        await shop.send(method, f"example.com/m/@v/{version}.info", b'{"Version":"v1.0.0"}')
    assert shop.press.uploads == []
