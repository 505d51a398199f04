"""Lists in pages: which link leads on, how far it is followed, and what one body of them is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mxart.errors import BadUpstream, MxartError
from mxart.settings import UpstreamSettings
from mxart.upstream import Broken, Fetch, Head
from mxart.upstream.client import Curl
from mxart.upstream.failures import Hidden, Throttled
from mxart.upstream.fetch import DirectUpstream
from mxart.upstream.pages import MAX_PAGES, PagedUpstream, next_link
from tests.support.upstream import Answer, ScriptedUpstream, Static, redirect
from tests.upstream.parts import LARGE, Reply, ScriptedLayer, read

BASE = "https://up.example.org/reg"

LINKS: list[tuple[str, str]] = [
    ("", ""),
    ('</v2/a/tags/list?n=9&last=x>; rel="next"', "/v2/a/tags/list?n=9&last=x"),
    ("</b>; rel=next", "/b"),
    ("</b>;rel=next", "/b"),
    ('</b> ; REL = "Next"', "/b"),
    ('</b>; rel="last next"', "/b"),
    ('</a>; rel="prev", </b>; rel="next"', "/b"),
    ('</b>; rel="next", </c>; rel="next"', "/b"),
    ('</b>; title="a, <c>; rel=\\"prev\\""; rel="next"', "/b"),
    ('</b?x=1,2;3>; rel="next"', "/b?x=1,2;3"),
    ("</b>; title*=UTF-8''x; crossorigin; rel=\"next\"", "/b"),
    (', ,</b>;; rel="next";', "/b"),
    ('< /b >; rel="next"', "/b"),
    ('<?last=y>; rel="next"', "?last=y"),
    ('<>; rel="next"', ""),
    # other relations
    ("</b>", ""),
    ('</b>; rel="prev"', ""),
    ('</b>; rel="nextish"', ""),
    ('</b>; rel="prev"; rel="next"', ""),  # RFC 8288 §3.3: the first counts
    ('</b>; rev="next"', ""),
    ('</b>; anchor="/other"; rel="next"', ""),
    ('</b>; rel="next"; anchor="/other", </c>; rel=next', "/c"),
    # malformed
    ("/b; rel=next", ""),
    ("</b; rel=next", ""),
    ('</b>; rel="next', ""),
    ("</b> rel=next", ""),
    ("</b>; rel=next x", ""),
    ('</b>; rel="next" </c>; rel="next"', ""),
    ("</a>; rel=(, </b>; rel=next", ""),
    ("</b>; rel=\xfc", ""),
    ("<" + "a" * 65536 + '>; rel="next"', ""),
]


@pytest.mark.parametrize(("field", "target"), LINKS, ids=lambda value: value[:40])
def test_next_link(field: str, target: str) -> None:
    assert next_link(field) == target


@pytest.mark.parametrize(
    "piece", ["<", "<a>", "<a>,", "<a>;", "<a>; ", ";", '<a>; b="', "<a>;b=c", "\\", " ", "<a>;b "]
)
def test_a_hostile_field_costs_its_length(piece: str) -> None:
    begun = time.monotonic()
    for field in (piece * (65536 // len(piece)), "<a>" + piece * (65000 // len(piece)) + "("):
        next_link(field)
    assert time.monotonic() - begun < 1


# --- the layer -------------------------------------------------------------------------------------------------


def page(*pieces: bytes, link: str = "", url: str = f"{BASE}/v2/a/tags", status: int = 200) -> Reply:
    headers = {"link": link} if link else {}
    return Reply(Head(status=status, url=url, headers=headers, length=1, etag='"v"', resumable=True), list(pieces))


def fetch(path: str = "v2/a/tags", **fields: Any) -> Fetch:
    return Fetch(**{"path": path, "max_size": LARGE, "paged": True, **fields})


NEXT = '</reg/v2/a/tags?last=y>; rel="next"'


@pytest.mark.gen_test
async def test_all_pages_are_one_body() -> None:
    layer = ScriptedLayer(
        page(b"1", b"2", link=NEXT), page(b"3", link='<?n=2>; rel="next", </x>; rel="up"'), page(), page(b"never")
    )
    asked = fetch(space="a", headers={"Accept": "a/b"})
    async with PagedUpstream(layer, BASE).fetch(asked) as exchange:
        head = exchange.head
        assert (head.status, head.length, head.etag, head.resumable) == (200, None, "", False)
        assert len(layer.fetches) == 1
        assert b"".join([chunk async for chunk in exchange]) == b"123"
    assert [step.path for step in layer.fetches] == ["v2/a/tags", "v2/a/tags?last=y", "v2/a/tags?n=2"]
    assert {(step.space, step.paged, step.headers["Accept"]) for step in layer.fetches} == {("a", True, "a/b")}
    assert (layer.open, layer.most) == (0, 1)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (fetch(), page(b"1")),
        (fetch(), page(b"1", link='</x>; rel="prev"')),
        (fetch(paged=False), page(b"1", link=NEXT)),
        (fetch(method="HEAD"), page(link=NEXT)),
        (fetch(), page(b"none", link=NEXT, status=404)),
        (fetch(start=1, validator='"v"'), page(b"1", link=NEXT, status=206)),
    ],
)
async def test_one_page_is_given_as_it_is(asked: Fetch, reply: Reply) -> None:
    layer = ScriptedLayer(reply)
    assert await read(PagedUpstream(layer, BASE), asked) == (reply.head, b"".join(reply.pieces))
    assert layer.fetches == [asked]


@pytest.mark.gen_test
async def test_pages_are_asked_without_conditions() -> None:
    headers = {"Accept": "a/b", "if-none-match": '"v"', "If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}
    layer = ScriptedLayer(page(b"1", link=NEXT), page(b"2"))
    upstream = PagedUpstream(layer, BASE)
    await read(upstream, fetch(headers=headers))
    assert [dict(asked.headers) for asked in layer.fetches] == [{"Accept": "a/b"}, {"Accept": "a/b"}]
    await read(upstream, fetch(headers=headers, paged=False))
    assert layer.fetches[-1].headers == headers


WHERE: list[tuple[str, str, str, str]] = [  # base, final URL, target, path of the next page
    (BASE, f"{BASE}/v2/a/tags", "?last=y", "v2/a/tags?last=y"),
    (BASE, f"{BASE}/v2/a/tags", "tags?last=y", "v2/a/tags?last=y"),
    (BASE, f"{BASE}/v2/a/tags", "../b/tags", "v2/b/tags"),
    (BASE, f"{BASE}/v2/a/tags", f"{BASE}/v2/a/tags?last=y#part", "v2/a/tags?last=y"),
    (BASE, f"{BASE}/v2/a/tags", "https://UP.example.org:443/reg/x", "x"),
    (BASE, f"{BASE}/v2/a/tags", "/reg/v2/a/tags?last=\xc3\xa4", "v2/a/tags?last=%C3%A4"),
    (BASE, "https://store.example.com/v2/a/tags", "/reg/v2/a/tags?last=y", "v2/a/tags?last=y"),
    (BASE, "https://store.example.com/v2/a/tags", "v2/a/tags?last=y", "v2/a/tags?last=y"),
    ("https://up.example.org", "https://up.example.org/v2/a/tags", "/v2/a/tags?last=y", "v2/a/tags?last=y"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("base", "url", "target", "path"), WHERE)
async def test_where_the_next_page_is(base: str, url: str, target: str, path: str) -> None:
    layer = ScriptedLayer(page(b"1", link=f'<{target}>; rel="next"', url=url), page(b"2"))
    assert (await read(PagedUpstream(layer, base), fetch()))[1] == b"12"
    assert layer.fetches[1].path == path


ELSEWHERE = [
    "/v2/a/tags?last=y",
    "/regx/v2/a/tags",
    "/reg",
    "https://store.example.com/reg/v2/a/tags",
    "//store.example.com/reg/v2/a/tags",
    "http://up.example.org/reg/v2/a/tags",
    "https://up.example.org:8443/reg/v2/a/tags",
    "https://ci:s3cret@up.example.org/reg/v2/a/tags",
    "file:///reg/etc/passwd",
    "../../../etc/passwd",
    "/reg/../etc/passwd",
    "/reg/%2e%2e/etc/passwd",
    "/reg/a%2F..%2Fb",
    "/reg//x",
    "/reg/%5C",
    "/reg/%zz",
    "/reg/a b",
    "/reg/a\\b",
    "/reg/\x00",
    "/reg/" + "x" * 20_000,
]


@pytest.mark.gen_test
@pytest.mark.parametrize("target", ELSEWHERE, ids=lambda target: target[:40])
async def test_links_that_lead_elsewhere(target: str) -> None:
    link = f'<{target}>; rel="next"'
    layer = ScriptedLayer(page(b"1", link=link))
    with pytest.raises(BadUpstream, match=r"up\.example\.org names a next page") as raised:
        async with PagedUpstream(layer, BASE).fetch(fetch()):
            pass  # it is raised before there is a head
    assert "s3cret" not in raised.value.message
    layer = ScriptedLayer(page(b"1", link=NEXT), page(b"2", link=link))
    with pytest.raises(BadUpstream, match="names a next page"):
        await read(PagedUpstream(layer, BASE), fetch())
    assert (len(layer.fetches), layer.open) == (2, 0)


@pytest.mark.gen_test
async def test_a_list_that_goes_round() -> None:
    layer = ScriptedLayer(page(b"1", link=NEXT), page(b"2", link='</reg/v2/a/tags>; rel="next"'))
    with pytest.raises(BadUpstream, match="2 pages"):
        await read(PagedUpstream(layer, BASE), fetch())
    layer = ScriptedLayer(page(b"1", link='</reg/v2/a/tags>; rel="next"'))
    with pytest.raises(BadUpstream, match="1 pages"):
        await read(PagedUpstream(layer, BASE), fetch())
    assert len(layer.fetches) == 1


@pytest.mark.gen_test
@pytest.mark.parametrize(("pages", "whole"), [(MAX_PAGES, True), (MAX_PAGES + 1, False)])
async def test_a_list_has_an_end(pages: int, whole: bool) -> None:
    steps = [page(b"x", link=f'<?n={number}>; rel="next"') for number in range(1, pages)]
    layer = ScriptedLayer(*steps, page(b"x"))
    if whole:
        assert (await read(PagedUpstream(layer, BASE), fetch()))[1] == b"x" * pages
    else:
        with pytest.raises(BadUpstream, match=f"{MAX_PAGES} pages"):
            await read(PagedUpstream(layer, BASE), fetch())
    assert (len(layer.fetches), layer.open, layer.most) == (MAX_PAGES, 0, 1)


@pytest.mark.gen_test
@pytest.mark.parametrize(("limit", "whole"), [(6, True), (5, False), (3, False), (2, False)])
async def test_the_limit_is_one_for_all_pages(limit: int, whole: bool) -> None:
    layer = ScriptedLayer(page(b"123", link=NEXT), page(b"45", b"6"))
    if whole:
        assert (await read(PagedUpstream(layer, BASE), fetch(max_size=limit)))[1] == b"123456"
        return
    with pytest.raises(BadUpstream, match=f"more than the {limit} bytes"):
        await read(PagedUpstream(layer, BASE), fetch(max_size=limit))


FAILURES: list[tuple[Reply | Exception, type[MxartError], int]] = [
    (page(b"none", status=404), BadUpstream, 404),
    (page(status=410), BadUpstream, 410),
    (BadUpstream("no", 500), BadUpstream, 500),
    (Hidden("not for you", 401), BadUpstream, 401),
    (Throttled("busy", 429, 9.0), Throttled, 429),
    (Reply(pieces=[b"2"], error=Broken("cut")), Broken, 0),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("step", "error", "status"), FAILURES, ids=repr)
async def test_a_page_that_fails(step: Reply | Exception, error: type[MxartError], status: int) -> None:
    layer = ScriptedLayer(page(b"1", link=NEXT), step)
    upstream, got = PagedUpstream(layer, BASE), b""
    with pytest.raises(MxartError) as raised:
        async with upstream.fetch(fetch()) as exchange:
            async for chunk in exchange:
                got += chunk
    assert (raised.type, getattr(raised.value, "status", 0), got[:1], layer.open) == (error, status, b"1", 0)


@pytest.mark.gen_test
async def test_the_first_page_may_be_hidden() -> None:
    with pytest.raises(Hidden):
        await read(PagedUpstream(ScriptedLayer(Hidden("not for you", 401)), BASE), fetch())


# --- over real connections -------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_pages_of_a_server(curl: Curl, scripted: ScriptedUpstream) -> None:
    more = {"Link": '</v2/a/tags/list?n=1&last=x>; rel="next"'}
    scripted.script("/v2/a/tags/list", Static(data=b'{"tags":["x"]}', etag='"1"', headers=more))
    scripted.script("/v2/a/tags/list?n=1&last=x", Answer(body=b'{"tags":["y"]}'))
    direct = DirectUpstream(UpstreamSettings(url=scripted.url, http_proxy=""), curl, "mxart-test")
    asked = fetch("v2/a/tags/list", headers={"If-None-Match": '"1"'})
    head, body = await read(PagedUpstream(direct, scripted.url), asked)
    assert (head.status, body) == (200, b'{"tags":["x"]}{"tags":["y"]}')
    assert scripted.connections == 1


@pytest.mark.gen_test
async def test_pages_of_a_server_that_redirects(curl: Curl, scripted: ScriptedUpstream) -> None:
    with ScriptedUpstream() as other:
        scripted.script("/v2/a/tags/list", redirect(f"{other.url}/list"))
        other.script("/list", Answer(headers={"Link": '</v2/a/tags/list?last=x>; rel="next"'}, body=b"1"))
        scripted.script("/v2/a/tags/list?last=x", Answer(body=b"2"))
        direct = DirectUpstream(UpstreamSettings(url=scripted.url, http_proxy=""), curl, "mxart-test")
        assert (await read(PagedUpstream(direct, scripted.url), fetch("v2/a/tags/list")))[1] == b"12"
