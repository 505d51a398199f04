from __future__ import annotations

import io
import json

import pytest

from mxart import errors
from mxart.contract import Context
from mxart.formats import FORMATS
from mxart.formats.go import paths
from mxart.formats.go.format import GoFormat
from mxart.formats.go.paths import GoResource
from mxart.formats.go.settings import GoSettings
from mxart.model import Bytes, Entry, Redirect, Request, Resource
from tests.formats.suite import FormatSuite, Shelf
from tests.support.modules import Module
from tests.support.sumdb import SumDB

MIB = 1 << 20
PSEUDO = "v0.0.0-20240102030405-0123456789ab"
SETTINGS = GoSettings(
    sumdb={"sums.example.org": "https://sums.example.org/", "sums.example.org/deep": "http://127.0.0.1:9/x"}
)
HINT = "If this module is private: go env -w GONOSUMDB=example.com/Hello"
HELLO = Module("example.com/Hello", "v1.0.0", {"hello.go": "package hello\n"})
HELLO_ZIP = "example.com/!hello/@v/v1.0.0.zip"


def ask(path: str) -> GoResource:
    return GoFormat(SETTINGS).parse(Request(method="GET", path=path))


class TestGo(FormatSuite):
    factory = FORMATS["go"]
    settings = SETTINGS
    media_type_of_errors = "text/plain; charset=utf-8"
    paths = (
        "example.com/!hello/@v/list",
        "example.com/!hello/@latest",
        "example.com/!hello/@v/v1.0.0.info",
        "example.com/!hello/@v/main.info",
        "example.com/!hello/@v/v1.0.0.mod",
        "example.com/!hello/@v/v1.0.0.zip",
        f"example.com/m/@v/{PSEUDO}.zip",
        "example.com/m/@v/v2.0.0+incompatible.zip",
        "example.org/toolchain/@v/v0.0.1-go1.22.0.linux-amd64.zip",
        "sumdb/sums.example.org/supported",
        "sumdb/sums.example.org/latest",
        "sumdb/sums.example.org/lookup/example.com/!hello@v1.0.0",
        "sumdb/sums.example.org/tile/8/0/x001/234.p/17",
        "sumdb/sums.example.org/tile/8/data/000",
        "sumdb/sums.example.org/deep/latest",
    )
    uploads = ((HELLO_ZIP, HELLO.zip, HELLO.zip[:-1]),)
    indexes = (
        ("example.com/m/@v/list", (b"v1.0.0\nv1.2.0\n", b"v1.1.0\nv1.2.0\n", b"")),
        (
            "example.com/m/@latest",
            (b'{"Version":"v1.0.0"}', b'{"Version":"v1.1.0-rc.1"}', b'{"Version":"v1.0.0","Origin":{}}'),
        ),
    )


@pytest.mark.parametrize(
    ("path", "immutable", "media_type", "max_size", "document"),
    [
        ("example.com/m/@v/list", False, "text/plain; charset=utf-8", 16 * MIB, True),
        ("example.com/m/@latest", False, "application/json", MIB // 16, True),
        ("example.com/m/@v/v1.0.0.info", True, "application/json", MIB // 16, True),
        (f"example.com/m/@v/{PSEUDO}.info", True, "application/json", MIB // 16, True),
        ("example.com/m/@v/v2.0.0+incompatible.info", True, "application/json", MIB // 16, True),
        ("example.com/m/@v/v2.0.0.info", False, "application/json", MIB // 16, True),  # resolves to +incompatible
        ("example.com/m/@v/v1.info", False, "application/json", MIB // 16, True),
        ("example.com/m/@v/v1.0.0+meta.info", False, "application/json", MIB // 16, True),
        ("example.com/m/@v/main.info", False, "application/json", MIB // 16, True),
        ("example.com/m/@v/0123456789ab.info", False, "application/json", MIB // 16, True),
        ("example.com/m/@v/v1.0.0.mod", True, "text/plain; charset=utf-8", 16 * MIB, True),
        ("example.com/m/@v/v1.0.0.zip", True, "application/zip", 500 * MIB, False),
        ("sumdb/sums.example.org/supported", False, "text/plain; charset=utf-8", 0, True),
        ("sumdb/sums.example.org/latest", False, "text/plain; charset=utf-8", MIB, True),
        ("sumdb/sums.example.org/lookup/example.com/m@v1.0.0", True, "text/plain; charset=utf-8", MIB, True),
        ("sumdb/sums.example.org/tile/8/0/000", True, "application/octet-stream", 8192, True),
        ("sumdb/sums.example.org/tile/8/0/000.p/3", True, "application/octet-stream", 96, True),
        ("sumdb/sums.example.org/tile/8/data/000", True, "text/plain; charset=utf-8", 16 * MIB, True),
    ],
)
def test_policy(path: str, immutable: bool, media_type: str, max_size: int, document: bool) -> None:
    policy = GoFormat(SETTINGS).policy(ask(path))
    kept = (policy.immutable, policy.media_type, policy.max_size, policy.document)
    assert kept == (immutable, media_type, max_size, document)
    assert policy.digest is None


INFO, FOLDER = "example.com/!m/@v/v1.0.0.info", "example.com/!m/@v/"


@pytest.mark.parametrize(
    ("path", "index", "folder", "unit"),
    [
        ("example.com/!m/@v/list", True, FOLDER, None),
        ("example.com/!m/@latest", True, FOLDER, None),
        (INFO, False, FOLDER, INFO),
        ("example.com/!m/@v/v1.0.0.mod", False, FOLDER, INFO),
        ("example.com/!m/@v/v1.0.0.zip", False, FOLDER, INFO),
        (f"example.com/!m/@v/{PSEUDO}.zip", False, FOLDER, f"example.com/!m/@v/{PSEUDO}.info"),
        ("example.com/!m/@v/main.info", False, FOLDER, None),  # it may lead to another version tomorrow
        ("example.com/!m/@v/v2.0.0.info", False, FOLDER, None),
        ("sumdb/sums.example.org/supported", False, "", None),
        ("sumdb/sums.example.org/latest", False, "", None),
        ("sumdb/sums.example.org/tile/8/0/000", False, "", None),
        ("sumdb/sums.example.org/lookup/example.com/!m@v1.0.0", False, FOLDER, None),
    ],
)
def test_what_belongs_to_a_module(path: str, index: bool, folder: str, unit: str | None) -> None:
    policy = GoFormat(SETTINGS).policy(ask(path))
    assert (policy.index, policy.folder, policy.unit) == (index, folder, ask(unit) if unit else None)


def test_what_waits_for_its_zip_is_no_version() -> None:
    mod = ask("example.com/!m/@v/v1.0.0.mod")
    waiting, policy = paths.staged(mod), GoFormat(SETTINGS).policy(paths.staged(mod))
    assert (waiting.kind, waiting.path) == ("staged-mod", f"staged/{mod.path}")
    assert (policy.immutable, policy.document, policy.index, policy.unit) == (False, True, False, None)
    assert (policy.folder, policy.max_size) == (FOLDER, 16 * MIB)
    assert not waiting.path.startswith(policy.folder)
    with pytest.raises(errors.Invalid):
        ask(waiting.path)


def test_a_resource_of_another_format_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        GoFormat(SETTINGS).policy(Resource(path="x", kind="zip"))


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("example.com/m/@v/v1.0.0.zip", "max-age=31536000, immutable"),
        ("example.com/m/@v/v1.0.0.info", "max-age=31536000, immutable"),
        ("example.com/m/@v/main.info", "max-age=60"),
        ("example.com/m/@v/list", "max-age=60"),
        ("sumdb/sums.example.org/latest", "max-age=60"),
        ("sumdb/sums.example.org/tile/8/0/000.p/3", "max-age=31536000, immutable"),
    ],
)
async def test_caches_are_told_how_long(path: str, expected: str) -> None:
    request = Request(method="HEAD", path=path)
    response = await GoFormat(SETTINGS).answer(request, ask(path), Shelf(), Context())
    assert response.headers == {"Cache-Control": expected}


@pytest.mark.gen_test
async def test_a_place_to_fetch_from_is_not_told_for_ever() -> None:
    class Elsewhere(Shelf):
        async def get(self, resource: Resource, context: Context) -> Redirect:
            return Redirect(url="https://blobs.example.org/1?signature=2")

    path = "example.com/m/@v/v1.0.0.zip"
    response = await GoFormat(SETTINGS).answer(Request(method="GET", path=path), ask(path), Elsewhere(), Context())
    assert isinstance(response.content, Redirect)
    assert response.headers == {}


@pytest.mark.gen_test
async def test_supported_is_known_without_asking() -> None:
    path, shelf = "sumdb/sums.example.org/supported", Shelf()
    response = await GoFormat(SETTINGS).answer(Request(method="GET", path=path), ask(path), shelf, Context())
    assert (response.status, response.content) == (200, Bytes(data=b""))
    assert shelf.asked == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("headers", "held_only"),
    [
        ({"disable-module-fetch": "true"}, True),
        ({"disable-module-fetch": " True "}, True),
        ({"disable-module-fetch": "false"}, False),
        ({"disable-module-fetch": ""}, False),
        ({}, False),
    ],
)
async def test_crawlers_may_ask_for_what_is_held(headers: dict[str, str], held_only: bool) -> None:
    path, context = "example.com/m/@v/list", Context()
    request = Request(method="GET", path=path, headers=headers)
    await GoFormat(SETTINGS).answer(request, ask(path), Shelf(), context)
    assert context.cached_only is held_only


@pytest.mark.gen_test
@pytest.mark.parametrize("failure", [errors.NotFound("not found: the upstream's words"), errors.Gone("gone: theirs")])
async def test_absence_keeps_the_upstreams_words(failure: errors.NotFound) -> None:
    ecosystem, path = GoFormat(SETTINGS), "example.com/m/@v/list"
    with pytest.raises(type(failure)) as caught:
        await ecosystem.answer(Request(method="GET", path=path), ask(path), Shelf(failure=failure), Context())
    content = ecosystem.failure(caught.value, 404).content
    assert isinstance(content, Bytes)
    assert content.data == f"{failure.message}\n".encode()


@pytest.mark.parametrize("failure", [errors.NotFound, errors.Gone])
@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("nobody knows it", f"nobody knows it\n{HINT}\n"),
        ("nobody knows it\nnot one\n", f"nobody knows it\n{HINT}\nnot one\n"),
        ("\n".join("123456789"), f"1\n{HINT}\n2\n3\n4\n5\n6\n7\n"),  # as many lines as the go command shows
    ],
)
@pytest.mark.gen_test
async def test_a_lookup_that_finds_nothing_says_what_to_do(
    failure: type[errors.NotFound], message: str, shown: str
) -> None:
    ecosystem, path = GoFormat(SETTINGS), "sumdb/sums.example.org/lookup/example.com/!hello@v1.0.0"
    with pytest.raises(failure) as caught:
        await ecosystem.answer(Request(method="GET", path=path), ask(path), Shelf(failure=failure(message)), Context())
    content = ecosystem.failure(caught.value, 404).content
    assert isinstance(content, Bytes)
    assert content.data.decode() == shown


# --- checks, merges, indexes: that each kind meets its own rule ------------------------------------------------------


def answers() -> dict[str, bytes]:
    module = Module("example.com/m", "v1.0.0", {"m.go": "package m\n"})
    database = SumDB("sums.example.org")
    database.add(module.path, module.version, module.zip_hash, module.gomod_hash)
    sums = {
        path: database.answer(path)[2]
        for path in ("latest", "lookup/example.com/m@v1.0.0", "tile/8/0/000.p/1", "tile/8/data/000.p/1")
    }
    return {
        "example.com/m/@v/list": b"v1.0.0\n",
        "example.com/m/@latest": module.info,
        "example.com/m/@v/v1.0.0.info": module.info,
        "example.com/m/@v/main.info": module.info,
        "example.com/m/@v/v1.0.0.mod": module.gomod,
        "example.com/m/@v/v1.0.0.zip": module.zip,
        **{f"sumdb/sums.example.org/{path}": answer for path, answer in sums.items()},
    }


@pytest.mark.parametrize(("path", "answer"), answers().items())
def test_each_kind_passes_its_check(path: str, answer: bytes) -> None:
    file = io.BytesIO(answer)
    file.read()  # whoever wrote it left the position at the end
    GoFormat(SETTINGS).check(ask(path), file)


LOGIN_PAGE = b"<!doctype html>\n<title>Please log in</title>\n"


@pytest.mark.parametrize("path", answers())
@pytest.mark.parametrize("answer", [LOGIN_PAGE, b"\x00" * 64], ids=["a login page", "zeros"])
def test_no_kind_takes_something_else(path: str, answer: bytes) -> None:
    with pytest.raises(errors.Corrupt):
        GoFormat(SETTINGS).check(ask(path), io.BytesIO(answer))


@pytest.mark.parametrize("path", [path for path in answers() if not path.endswith(".zip")])
def test_no_document_is_read_beyond_its_limit(path: str) -> None:
    class Endless(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0
            self.taken += size
            return b"v" * size

    endless, ecosystem = Endless(), GoFormat(SETTINGS)
    with pytest.raises(errors.Corrupt):
        ecosystem.check(ask(path), endless)
    assert endless.taken <= ecosystem.policy(ask(path)).max_size + 1


@pytest.mark.parametrize("path", ["example.com/m/@v/v1.0.0.info", "example.com/m/@v/v1.0.0.zip"])
def test_files_are_neither_merged_nor_generated(path: str) -> None:
    with pytest.raises(errors.Unsupported):
        GoFormat(SETTINGS).merge(ask(path), [], io.BytesIO())
    with pytest.raises(errors.Unsupported):
        GoFormat(SETTINGS).generate(ask(path), [], io.BytesIO())


def test_a_list_that_is_too_long_to_merge_is_refused() -> None:
    document = io.BytesIO(b"v1.0.0\n" * (16 * MIB // 7 + 1))
    with pytest.raises(errors.Corrupt):
        GoFormat(SETTINGS).merge(ask("example.com/m/@v/list"), [document], io.BytesIO())


def test_indexes_are_generated_from_what_is_held() -> None:
    held = [Entry(repository="r", path=f"example.com/m/@v/v1.0.0.{kind}") for kind in ("info", "mod", "zip")]
    out, latest = io.BytesIO(), io.BytesIO()
    GoFormat(SETTINGS).generate(ask("example.com/m/@v/list"), held, out)
    GoFormat(SETTINGS).generate(ask("example.com/m/@latest"), held, latest)
    assert out.getvalue() == b"v1.0.0\n"
    assert json.loads(latest.getvalue()) == {"Version": "v1.0.0"}
