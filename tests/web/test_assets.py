from __future__ import annotations

import pytest

from mxart.errors import NotFound
from mxart.model import Bytes, Request
from mxart.web import assets

NAMES = [
    ("front.css", "text/css; charset=utf-8"),
    ("copy.js", "text/javascript; charset=utf-8"),
    ("logo.svg", "image/svg+xml"),
]


def request(url: str) -> Request:
    path, _, query = url.partition("?")
    return Request(method="GET", path=path, query=query)


@pytest.mark.parametrize(("name", "media_type"), NAMES)
@pytest.mark.gen_test
async def test_what_a_page_links_to_may_be_kept_for_ever(name: str, media_type: str) -> None:
    response = await assets.static(request(assets.url(name)))
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == media_type
    assert response.content.data
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef", "?x=1"])
@pytest.mark.gen_test
async def test_any_other_url_is_asked_for_again(query: str) -> None:
    response = await assets.static(request(f"{assets.PREFIX}front.css{query}"))
    assert isinstance(response.content, Bytes)
    assert response.content.etag.strip('"') == assets.url("front.css").partition("=")[2]
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["", "nothing.css", "../front.py", "../templates/front.html", "front.css/", "FRONT.CSS", "/etc/passwd"]
)
@pytest.mark.gen_test
async def test_nothing_else_is_served(name: str) -> None:
    with pytest.raises(NotFound):
        await assets.static(request(assets.PREFIX + name))
