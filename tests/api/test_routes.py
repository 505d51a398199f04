from __future__ import annotations

import json

import pytest

from mxart.api import wire
from mxart.api.routes import Router, View
from mxart.errors import MxartError, NotFound, Unauthenticated, Unavailable, Unsupported
from mxart.model import Principal, Request, Response
from mxart.server.failures import headers_of, status_of
from tests.server.client import RawClient
from tests.support.own import served


def page(name: str) -> View:
    async def view(request: Request) -> Response:
        return wire.answer([name, request.principal.name])

    return view


async def late(request: Request) -> Response:
    raise Unavailable("Not now.", retry_after=7)


async def identify(request: Request) -> Principal:
    if request.headers.get("authorization") == "wrong":
        raise Unauthenticated("The password is wrong.")
    return Principal("ada")


def failures(error: MxartError) -> tuple[int, dict[str, str]]:
    return status_of(error), headers_of(error)


def router() -> Router:
    routes = {
        "": page("front"),
        "-/late": late,
        "-/thing": page("get"),
        "PUT -/thing": page("put"),
        "DELETE -/gone": page("delete"),
        "-/files/*": page("file"),
        "-/files/special": page("special"),
        "-/files/deep/*": page("deep"),
    }
    return Router(identify, failures, routes, {"-/door": page("door"), "POST -/door": page("knock")})


FOUND = [
    ("GET", "", "front"),
    ("HEAD", "", "front"),
    ("GET", "-/thing", "get"),
    ("PUT", "-/thing", "put"),
    ("DELETE", "-/gone", "delete"),
    ("GET", "-/files/a", "file"),
    ("GET", "-/files/a/b.c", "file"),
    ("GET", "-/files/", "file"),
    ("GET", "-/files/*/", "file"),
    ("GET", "-/files/special", "special"),
    ("GET", "-/files/special/x", "file"),
    ("GET", "-/files/deep/x", "deep"),
]
LOST: list[tuple[str, str, type[MxartError], tuple[str, ...]]] = [
    ("GET", "-", NotFound, ()),
    ("GET", "-/", NotFound, ()),
    ("GET", "-/things", NotFound, ()),
    ("GET", "-/thing/", NotFound, ()),
    ("GET", "-/thing/more", NotFound, ()),
    ("GET", "-/files", NotFound, ()),
    ("GET", "PUT -/thing", NotFound, ()),
    ("GET", "-/THING", NotFound, ()),
    ("POST", "-/thing", Unsupported, ("GET", "HEAD", "PUT")),
    ("get", "-/thing", Unsupported, ("GET", "HEAD", "PUT")),
    ("GET", "-/gone", Unsupported, ("DELETE",)),
    ("HEAD", "-/gone", Unsupported, ("DELETE",)),
    ("POST", "-/files/a", Unsupported, ("GET", "HEAD")),
    ("PUT", "-/door", Unsupported, ("GET", "HEAD", "POST")),
]


@pytest.mark.parametrize(("method", "path", "name"), FOUND)
@pytest.mark.gen_test
async def test_found(method: str, path: str, name: str) -> None:
    request = Request(method=method, path=path)
    response = await router().handle(request)
    assert response.content == wire.answer([name, "ada"]).content
    assert request.principal == Principal("ada")


@pytest.mark.parametrize(("method", "name"), [("GET", "door"), ("HEAD", "door"), ("POST", "knock")])
@pytest.mark.gen_test
async def test_a_door_finds_out_itself_who_asks(method: str, name: str) -> None:
    request = Request(method=method, path="-/door", headers={"authorization": "wrong"})
    response = await router().handle(request)
    assert response.content == wire.answer([name, ""]).content


@pytest.mark.parametrize(("method", "path", "error", "allowed"), LOST)
@pytest.mark.gen_test
async def test_lost(method: str, path: str, error: type[MxartError], allowed: tuple[str, ...]) -> None:
    with pytest.raises(error) as raised:
        await router().handle(Request(method=method, path=path))
    assert getattr(raised.value, "allowed", ()) == allowed


WIRE = [
    ("GET", "/", {}, 200, None, {}),
    ("GET", "/-/nothing", {}, 404, "not_found", {}),
    ("POST", "/-/thing", {}, 405, "unsupported", {"allow": "GET, HEAD, PUT"}),
    (
        "GET",
        "/-/thing",
        {"Authorization": "wrong"},
        401,
        "unauthenticated",
        {"www-authenticate": 'Basic realm="mxart"'},
    ),
    ("GET", "/-/late", {}, 503, "unavailable", {"retry-after": "7"}),
    ("GET", "/-/files/../thing", {}, 400, None, {}),
]


@pytest.mark.parametrize(("method", "target", "fields", "status", "code", "expected"), WIRE)
@pytest.mark.gen_test
async def test_on_the_wire(
    method: str, target: str, fields: dict[str, str], status: int, code: str | None, expected: dict[str, str]
) -> None:
    async with served(router()) as port:
        client = await RawClient.connect(port)
        answer = await client.get(target, method, **fields)
        await client.close()
    assert answer.status == status
    for name, value in expected.items():
        assert answer.headers[name].startswith(value)
    if code:
        assert json.loads(answer.body)["error"]["code"] == code


@pytest.mark.gen_test
async def test_a_body_that_no_resource_takes_is_refused() -> None:
    async with served(router()) as port:
        client = await RawClient.connect(port)
        answer = await client.get("/-/thing", "PUT", Content_Length="65537")
        await client.close()
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["code"] == "too_large"
