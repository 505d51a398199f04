"""What a URL leads to, as the request that is made of it shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mxart.contract import Context, Repository
from mxart.errors import Invalid
from mxart.formats.go.format import GoFormat
from mxart.formats.go.settings import GoSettings
from mxart.model import Action, Principal, Request, Resource, Response
from mxart.server.dispatch import RepositoryHandler
from mxart.server.explain import explain
from mxart.server.mounts import ANY_HOST, MountTable, Namespace
from tests.server.site import Pages


class Open:
    """A gate that lets everyone through."""

    async def identify(self, request: Request) -> Principal:
        raise AssertionError("who asks is told")

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        pass


@dataclass
class Mirror(GoFormat):
    """A format that takes whatever it is asked, and remembers it."""

    seen: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(GoSettings())

    def parse(self, request: Request) -> Resource:
        return Resource(path=request.path, kind="any")

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        self.seen.append(request)
        return Response(204)


@dataclass
class Named:
    """All that is asked of a repository here."""

    name: str


class Table:
    """A server with a repository of each sort, and all that they were asked."""

    def __init__(self, *, registry: bool = False) -> None:
        self.mirror = Mirror()
        hub = self._handler("hub")
        self.mounts = MountTable(
            Pages(),
            {"/go": self._handler("go"), "/v2/hub": hub, "/v2/house": self._handler("house")},
            {("tls", "go.example.org"): self._handler("go")},
            registry=self._handler("/v2") if registry else None,
            registries={("tls", "hub.example.org"): hub, ("mirror", ANY_HOST): self._handler("every")},
            namespaces={"docker.io": Namespace(hub, frozenset({"/v2/hub"}))},
        )

    def _handler(self, name: str) -> RepositoryHandler:
        return RepositoryHandler(self.mirror, Named(name), Open(), 1000)  # type: ignore[arg-type]


# URL; repository, path, query, server URL, base URL, listener, host
URLS = [
    ("/go/x?go-get=1", "go", "x", "go-get=1", "", "/go", "main", ""),
    ("/go/x?", "go", "x", "", "", "/go", "main", ""),
    ("/go/x#part", "go", "x", "", "", "/go", "main", ""),
    (
        "http://A.example.org:81/go/x",
        "go",
        "x",
        "",
        "http://a.example.org:81",
        "http://a.example.org:81/go",
        "main",
        "a.example.org:81",
    ),
    ("//a.example.org/go/x", "go", "x", "", "http://a.example.org", "http://a.example.org/go", "main", "a.example.org"),
    (
        "https://me:pw@go.example.org/x",
        "go",
        "x",
        "",
        "https://go.example.org",
        "https://go.example.org",
        "tls",
        "go.example.org",
    ),
    (
        "https://hub.example.org/v2/x",
        "hub",
        "x",
        "",
        "https://hub.example.org",
        "https://hub.example.org/v2",
        "tls",
        "hub.example.org",
    ),
    (
        "https://hub.example.org/go/x",
        "go",
        "x",
        "",
        "https://hub.example.org",
        "https://hub.example.org/go",
        "main",
        "hub.example.org",
    ),
    ("/v2/house/x", "house", "x", "", "", "/v2/house", "main", ""),
    (
        "https://a.example.org/v2/house/x",
        "house",
        "x",
        "",
        "https://a.example.org",
        "https://a.example.org/v2/house",
        "main",
        "a.example.org",
    ),
    (
        "https://a.example.org/v2/x",
        "every",
        "x",
        "",
        "https://a.example.org",
        "https://a.example.org/v2",
        "mirror",
        "a.example.org",
    ),
    ("/v2/x?ns=docker.io", "hub", "x", "ns=docker.io", "", "/v2", "main", ""),
    ("/v2/hub/x?ns=docker.io&n=1", "hub", "x", "ns=docker.io&n=1", "", "/v2/hub", "main", ""),
]


@pytest.mark.parametrize(("url", "repository", "path", "query", "server", "base", "listener", "host"), URLS)
@pytest.mark.gen_test
async def test_the_request_that_a_url_stands_for(
    url: str, repository: str, path: str, query: str, server: str, base: str, listener: str, host: str
) -> None:
    table = Table()
    root = Principal("root", admin=True)
    explained = await explain(url, root, table.mounts, ["main", "tls", "mirror"])
    assert (explained.repository, explained.status) == (repository, 204)
    (request,) = table.mirror.seen
    assert (request.method, request.path, request.query) == ("GET", path, query)
    assert (request.server_url, request.base_url) == (server, base)
    assert (request.listener, request.host) == (listener, host)
    assert request.principal is root


@pytest.mark.gen_test
async def test_a_mirror_comes_before_the_knowledge_that_nothing_is_there() -> None:
    listeners = ["main", "tls", "mirror"]
    explained = await explain("http://a:5000/v2/x", Principal(), Table(registry=True).mounts, listeners)
    assert explained.repository == "every"


@pytest.mark.parametrize(
    ("url", "path"), [("/v2/x", "x"), ("/v2/", ""), ("/v2/?ns=docker.io", ""), ("/v2/_catalog", "_catalog")]
)
@pytest.mark.gen_test
async def test_what_is_in_no_container_repository(url: str, path: str) -> None:
    table = Table(registry=True)
    explained = await explain(url, Principal(), table.mounts, ["main", "tls"])
    assert (explained.repository, explained.status) == ("/v2", 204)
    assert table.mirror.seen[0].path == path
    explained = await explain(url, Principal(), Table().mounts, ["main", "tls"])
    assert (explained.repository, explained.status) == ("", 404)
    assert "No container repository" in explained.summary


@pytest.mark.parametrize(
    "url",
    ["http://a_b!/go/x", "http://a b/go/x", "http://:80/go/x", "/go/x?a b", "/go/x?\xe4", "http://a.example.org:x/go"],
)
@pytest.mark.gen_test
async def test_what_no_client_could_ask_for(url: str) -> None:
    with pytest.raises(Invalid):
        await explain(url, Principal(), Table().mounts, ["main"])
