from __future__ import annotations

import json

import pytest

from mxart.api.why import Explanation, Why
from mxart.errors import Denied, Invalid, MxartError, NotFound, Unauthenticated
from mxart.model import Bytes, Principal, Request

ADMIN = Principal("admin", admin=True)
STEPS = [{"step": "cache", "state": "fresh", "age": 1.5, "stored": True, "reason": None}]


async def explain(url: str, principal: Principal) -> Explanation:
    assert principal == ADMIN
    if url == "/none":
        raise NotFound("Nothing there.")
    return Explanation(url=url, repository="go", status=200, cache_status="mxart; hit", summary="Held.", trail=STEPS)


def request(query: str, principal: Principal = ADMIN) -> Request:
    return Request(method="GET", path="-/api/v1/why", query=query, principal=principal)


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("url=/go/m/@v/list", "/go/m/@v/list"),
        ("url=http%3A%2F%2Fh%3A8080%2Fgo%2Fm%3Fa%3Db%26c%3Dd", "http://h:8080/go/m?a=b&c=d"),
        ("other=1&url=/x", "/x"),
        ("url=/a%2520b", "/a%20b"),
        ("url=/a+b", "/a b"),
    ],
)
@pytest.mark.gen_test
async def test_explained(query: str, url: str) -> None:
    response = await Why(explain)(request(query))
    assert response.status == 200
    assert isinstance(response.content, Bytes)
    assert json.loads(response.content.data) == {
        "url": url,
        "repository": "go",
        "status": 200,
        "cache_status": "mxart; hit",
        "summary": "Held.",
        "trail": STEPS,
    }


@pytest.mark.parametrize(
    "query",
    ["", "url=", "url", "URL=/x", "url=/x&url=/y", "url=%FF", "&".join(f"p{n}=1" for n in range(99)) + "&url=/x"],
)
@pytest.mark.gen_test
async def test_which_url_must_be_plain(query: str) -> None:
    with pytest.raises(Invalid, match="Say which URL"):
        await Why(explain)(request(query))


@pytest.mark.parametrize(
    ("principal", "query", "error"),
    [
        (Principal(), "url=/x", Unauthenticated),
        (Principal(), "", Unauthenticated),
        (Principal("ada"), "url=/x", Denied),
        (Principal("ada"), "", Denied),
        (ADMIN, "url=/none", NotFound),
    ],
)
@pytest.mark.gen_test
async def test_refused(principal: Principal, query: str, error: type[MxartError]) -> None:
    with pytest.raises(error):
        await Why(explain)(request(query, principal))
