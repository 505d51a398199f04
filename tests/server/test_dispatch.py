"""A request to one repository: the order of its steps, and what they leave in the trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mxart.contract import Context
from mxart.errors import Denied, Invalid, MxartError, NotFound, Unauthenticated, Unavailable
from mxart.formats.go.format import GoFormat
from mxart.formats.go.settings import GoSettings
from mxart.model import Action, Bytes, Content, Principal, Request, Resource
from mxart.server.dispatch import RepositoryHandler
from mxart.server.explain import explain
from mxart.server.mounts import MountTable
from mxart.trail import Trail

LIST = "example.com/m/@v/list"


@dataclass
class Gate:
    """Lets ``may`` through; everyone is ``principal``, unless ``wrong``."""

    may: Sequence[Action] = ("read",)
    principal: Principal = Principal("anna")
    wrong: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def identify(self, request: Request) -> Principal:
        if self.wrong:
            raise Unauthenticated("The password is wrong.")
        return self.principal

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        self.asked.append((action, repository, path))
        if action not in self.may:
            raise Denied("You may not.")


@dataclass
class Shelf:
    """A repository that has one list, or fails with ``error``."""

    name: str = "shelf"
    error: MxartError | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, resource: Resource, context: Context) -> Content:
        self.asked.append(resource.path)
        context.trail.cache_status = "mxart; hit"
        if self.error is not None:
            raise self.error
        return Bytes(data=b"v1.0.0\n")


def handler(shelf: Shelf, gate: Gate) -> RepositoryHandler:
    return RepositoryHandler(GoFormat(GoSettings()), shelf, gate, 1000)  # type: ignore[arg-type]


def request(path: str = LIST, method: str = "GET") -> Request:
    return Request(method=method, path=path, raw_path=path)


@pytest.mark.gen_test
async def test_an_answer_says_how_the_cache_did() -> None:
    shelf, gate = Shelf(), Gate()
    asked = request()
    response = await handler(shelf, gate).handle(asked)
    assert isinstance(response.content, Bytes)
    assert (response.status, response.content.data) == (200, b"v1.0.0\n")
    assert response.headers["Cache-Status"] == "mxart; hit"
    assert asked.principal.name == "anna"
    assert gate.asked == [("read", "shelf", LIST)]


@pytest.mark.parametrize(
    ("path", "gate", "error", "status", "reached"),
    [
        (LIST, Gate(wrong=True), None, 401, False),
        (LIST, Gate(may=()), None, 403, False),
        ("example.com/!/@v/list", Gate(), None, 400, False),
        ("nothing/of/go", Gate(), None, 404, False),
        (LIST, Gate(), NotFound("not here"), 404, True),
        (LIST, Gate(), Unavailable("later", 7.2), 503, True),
    ],
)
@pytest.mark.gen_test
async def test_errors_are_in_the_words_of_the_format(
    path: str, gate: Gate, error: MxartError | None, status: int, reached: bool
) -> None:
    shelf = Shelf(error=error)
    response = await handler(shelf, gate).handle(request(path))
    assert response.status == status
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "text/plain; charset=utf-8"
    assert bool(shelf.asked) == reached
    assert response.headers.get("Retry-After") == ("8" if status == 503 else None)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert ("Cache-Status" in response.headers) == reached


@pytest.mark.parametrize(
    ("method", "action"),
    [("GET", "read"), ("HEAD", "read"), ("PUT", "write"), ("POST", "write"), ("DELETE", "delete"), ("ODD", "write")],
)
@pytest.mark.gen_test
async def test_what_a_method_needs(method: str, action: Action) -> None:
    gate = Gate(may=())
    await handler(Shelf(), gate).handle(request(method=method))
    assert gate.asked == [(action, "shelf", LIST)]


@pytest.mark.gen_test
async def test_the_trail_has_every_step_in_order() -> None:
    trail = Trail()
    asked = request()
    asked.principal = Principal("root", admin=True)
    await handler(Shelf(), Gate()).answer(asked, trail)
    assert [step for step, _ in trail.steps] == ["mount", "access"]
    assert trail.records()[1] == {"step": "access", "principal": "root", "action": "read", "allowed": True}
    assert trail.lines()[0] == "mount: repository=shelf format=go"


@dataclass
class Own:
    """The server's own handler; never asked here."""

    body_limit: int = 0

    async def handle(self, request: Request) -> object:
        raise AssertionError

    def failure(self, error: MxartError) -> object:
        raise AssertionError


def table(shelf: Shelf, bound: Shelf) -> MountTable:
    hosts = {("tls", "go.example.org"): handler(bound, Gate())}
    return MountTable(Own(), {"/go": handler(shelf, Gate())}, hosts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "repository", "status"),
    [
        (f"/go/{LIST}", "shelf", 200),
        (f"http://anywhere.example.org:8080/go/{LIST}", "shelf", 200),
        (f"https://go.example.org:8443/{LIST}", "bound", 200),
        (f"https://go.example.org/go/{LIST}", "bound", 400),
        ("/go/nothing/of/go", "shelf", 404),
        ("/elsewhere", "", 404),
        ("/-/health", "", 404),
        ("/", "", 404),
    ],
)
@pytest.mark.gen_test
async def test_any_url_can_be_explained(url: str, repository: str, status: int) -> None:
    mounts = table(Shelf(), Shelf("bound"))
    explained = await explain(url, Principal("root", admin=True), mounts, ["main", "tls"])
    assert (explained.repository, explained.status) == (repository, status)
    assert explained.summary
    assert explained.trail.steps


@pytest.mark.parametrize(
    "url", ["", "go/x", "ftp://host/go/x", "mailto:x", "/go/../x", "/go/%zz", "http://host", "http://["]
)
@pytest.mark.gen_test
async def test_what_is_no_url_of_this_server(url: str) -> None:
    with pytest.raises(Invalid):
        await explain(url, Principal(), table(Shelf(), Shelf("bound")), ["main"])
