from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from mxart.errors import Unauthenticated
from mxart.model import Bytes, Principal, Request, Response
from mxart.web import assets
from mxart.web.front import FrontPage, RepositoryView

GO = RepositoryView(
    name="go",
    format="go",
    kind="proxy",
    url="http://127.0.0.1:8080/go",
    upstream="https://go.example.org",
    client_lines=("go env -w GOPROXY=http://127.0.0.1:8080/go", "second line"),
)
GROUP = RepositoryView(
    name="all",
    format="go",
    kind="group",
    url="http://127.0.0.1:8080/all",
    members=("go-internal", "go"),
    publish_to="go-internal",
    client_lines=("go env -w GOPROXY=http://127.0.0.1:8080/all",),
    publish_lines=("mxart go publish . --to http://127.0.0.1:8080/all", "curl -T FILE.zip"),
)
HIDDEN = RepositoryView(name="internal", format="maven", kind="hosted")
HOSTILE = RepositoryView(
    name="<b>name</b>",
    format="'\"><script>alert(1)</script>",
    kind="{{ 7 * 7 }}",
    url="javascript:alert(1)//<i>",
    upstream="https://x/&amp;<u>",
    client_lines=("a < b && c > d", "  indented 'and' \"quoted\" ", "", "</code></pre><img src=x onerror=alert(1)>"),
    members=("<i>m</i>", "{{ m }}"),
    publish_to="</dd><script>",
    publish_lines=("p < q", "</code><b>"),
)
NOBODY = Principal()
_VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """A page as a browser would take it apart; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, [])
        if tag not in _VOID:
            self.open.append(tag)
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.texts[tag][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


def render(repositories: Sequence[RepositoryView], principal: Principal = NOBODY) -> tuple[Response, str]:
    request = Request(method="GET", path="", principal=principal)
    response = asyncio.run(FrontPage(lambda request: repositories, "1.2.3")(request))
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "text/html; charset=utf-8"
    return response, response.content.data.decode()


PAGES = [[GO], [GO, HIDDEN], [HOSTILE, GO], [GROUP, GO], []]


@pytest.mark.parametrize("repositories", PAGES)
def test_is_well_formed_and_says_the_version(repositories: list[RepositoryView]) -> None:
    _, text = render(repositories)
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert dict(page.elements)["html"] == {"lang": "en"}
    assert "mxart 1.2.3" in page.texts["footer"][0]
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(page.attributes("aria-labelledby")) <= set(ids)


@pytest.mark.parametrize("repositories", PAGES)
def test_every_text_is_shown_as_it_is(repositories: list[RepositoryView]) -> None:
    page = Page(render(repositories)[1])
    articles = page.texts.get("article", [])
    assert len(articles) == len(repositories)
    blocks = iter(page.texts.get("pre", []))
    for repository, article in zip(repositories, articles, strict=True):
        for shown in (repository.name, repository.format, repository.kind, repository.upstream, repository.publish_to):
            assert shown in article
        assert ", then ".join(repository.members) in article
        assert (repository.url or "not exposed by itself") in article
        if repository.client_lines:
            assert next(blocks) == "\n".join(repository.client_lines)
        assert [next(blocks) for _ in repository.publish_lines] == list(repository.publish_lines)
    assert list(blocks) == ([] if repositories else ["mxart init", "mxart check"])


@pytest.mark.parametrize("repositories", PAGES)
def test_nothing_inline_and_nothing_from_elsewhere(repositories: list[RepositoryView]) -> None:
    response, text = render(repositories)
    page = Page(text)
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 1
    assert page.texts["script"] == [""]
    assert "style" not in tags
    assert not [name for _, attributes in page.elements for name in attributes if name == "style" or name[:2] == "on"]
    assert all(target.startswith("-/") for target in page.attributes("href") + page.attributes("src"))


def test_everything_it_loads_is_there() -> None:
    page = Page(render([GO])[1])
    loaded = {target for target in page.attributes("href") + page.attributes("src") if target.startswith(assets.PREFIX)}
    assert len(loaded) == 3
    for target in loaded:
        path, _, query = target.partition("?")
        response = asyncio.run(assets.static(Request(method="GET", path=path, query=query)))
        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("repositories", "principal", "said"),
    [
        ([], Principal(), "mxart init"),
        ([], Principal("admin", admin=True), "mxart init"),
        ([], Principal("ada"), "You are logged in as ada"),
        ([GO], Principal(), "One repository is"),
        ([GO, HIDDEN], Principal("ada"), "2 repositories are"),
    ],
)
def test_says_what_to_do(repositories: list[RepositoryView], principal: Principal, said: str) -> None:
    assert said in " ".join(Page(render(repositories, principal)[1]).texts["main"][0].split())


@pytest.mark.gen_test
async def test_passes_on_that_nobody_has_logged_in() -> None:
    def repositories(request: Request) -> Sequence[RepositoryView]:
        raise Unauthenticated("Log in.")

    with pytest.raises(Unauthenticated):
        await FrontPage(repositories, "1")(Request(method="GET", path=""))
