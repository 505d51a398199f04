"""A request to one repository: the order of its steps, and what they leave in the trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from mxart.contract import Context, Neighbour
from mxart.errors import Denied, Invalid, MxartError, NotFound, Unauthenticated, Unavailable
from mxart.formats.go.format import GoFormat
from mxart.formats.go.settings import GoSettings
from mxart.model import Action, Bytes, Content, Principal, Request, Resource
from mxart.server import Match
from mxart.server.dispatch import RepositoryHandler
from mxart.server.explain import explain
from mxart.server.mounts import MountTable
from mxart.trail import Trail
from tests.repository.parts import PlainFormat
from tests.server.site import Pages

LIST = "example.com/m/@v/list"


@dataclass
class Gate:
    """Lets ``may`` through; everyone is ``principal``, unless ``wrong``."""

    allowed: Sequence[Action] = ("read",)
    principal: Principal = Principal("anna")
    wrong: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    considered: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def identify(self, request: Request) -> Principal:
        if self.wrong:
            raise Unauthenticated("The password is wrong.")
        return self.principal

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        self.asked.append((action, repository, path))
        if action not in self.allowed:
            raise Denied("You may not.")

    def may(self, principal: Principal, action: Action, repository: str, path: str) -> bool:
        self.considered.append((principal.name, action, repository, path))
        return action in self.allowed


@dataclass
class Shelf:
    """A repository that has one list, or fails with ``error``."""

    name: str = "shelf"
    error: MxartError | None = None
    asked: list[str] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)

    async def get(self, resource: Resource, context: Context) -> Content:
        self.asked.append(resource.path)
        self.contexts.append(context)
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
        (LIST, Gate(allowed=()), None, 403, False),
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
    gate = Gate(allowed=())
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


# --- what depends on the format ---


class Spoken(PlainFormat):
    """Asks for a log-in in words of its own; the path "locked" is for nobody."""

    def parse(self, request: Request) -> Resource:
        if request.path == "locked":
            raise Unauthenticated("Nobody may see this.", reason="invalid_token")
        if request.path == "odd":
            raise Invalid("No client asks for that.")
        if request.path == "unheard":
            raise NotFound("The protocol has no such path.")
        return Resource(path=request.path, kind="zip")

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        return f'Bearer realm="{request.path}",scope="{action}"'


def spoken(shelf: Shelf, gate: Gate, *, elsewhere: Elsewhere | None = None) -> RepositoryHandler:
    made = RepositoryHandler(Spoken(), shelf, gate, 1000)  # type: ignore[arg-type]
    return made if elsewhere is None else replace(made, elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("path", "gate", "method", "challenge"),
    [
        ("m/a.zip", Gate(wrong=True), "GET", 'Bearer realm="m/a.zip",scope="read"'),
        ("m/a.zip", Gate(wrong=True), "PATCH", 'Bearer realm="m/a.zip",scope="write"'),
        ("m/a.zip", Gate(wrong=True), "DELETE", 'Bearer realm="m/a.zip",scope="delete"'),
        ("", Gate(wrong=True), "GET", 'Bearer realm="",scope="read"'),
        ("locked", Gate(), "HEAD", 'Bearer realm="locked",scope="read",error="invalid_token"'),
    ],
)
@pytest.mark.gen_test
async def test_the_format_says_how_to_log_in(path: str, gate: Gate, method: str, challenge: str) -> None:
    response = await spoken(Shelf(), gate).handle(request(path, method))
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, challenge)


@pytest.mark.gen_test
async def test_where_nothing_of_the_repository_is_asked_for_nobody_needs_leave() -> None:
    gate, shelf = Gate(allowed=()), Shelf()
    assert (await spoken(shelf, gate).handle(request(""))).status == 200
    assert gate.asked == []
    assert (await spoken(shelf, gate).handle(request("m/a.zip"))).status == 403
    assert shelf.asked == [""]


@pytest.mark.parametrize("allowed", [("read",), ("read", "write")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.gen_test
async def test_who_asks_by_head_perhaps_wants_to_write(allowed: Sequence[Action], method: str) -> None:
    gate, shelf = Gate(allowed=allowed), Shelf()
    await spoken(shelf, gate).handle(request("m/a.zip", method))
    (context,) = shelf.contexts
    head = method == "HEAD"
    assert (context.head_only, context.may_write) == (head, head and "write" in allowed)
    assert gate.considered == [("anna", "write", "shelf", "m/a.zip")] * head


# --- whom a path elsewhere means ---

Elsewhere = Callable[[Request, str], Match | None]


def leading_to(handler: object, path: str) -> Elsewhere:
    return lambda request, asked: Match(handler, "/other", path, path)  # type: ignore[arg-type]


async def neighbour(elsewhere: Elsewhere, gate: Gate | None = None) -> Neighbour | None:
    """What a repository is told of the path that it asks for."""
    shelf = Shelf()
    await spoken(shelf, gate or Gate(), elsewhere=elsewhere).handle(request("m/a.zip"))
    return shelf.contexts[0].neighbour("other/m/b.zip", Principal("bert"))


@pytest.mark.gen_test
async def test_a_neighbour_is_another_repository_and_what_is_asked_of_it() -> None:
    other, gate = Shelf("other"), Gate()
    asked: list[tuple[str, str]] = []

    def elsewhere(request: Request, path: str) -> Match:
        asked.append((request.path, path))
        return Match(spoken(other, Gate()), "/other", "m/b.zip", "m/b.zip")

    found = await neighbour(elsewhere, gate)
    assert found is not None
    assert found.repository is other
    assert found.resource.path == "m/b.zip"
    assert asked == [("m/a.zip", "other/m/b.zip")]
    assert gate.considered == [("bert", "read", "other", "m/b.zip")]  # who is asked about, by our own gate
    assert other.asked == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        lambda request, path: None,
        leading_to(handler(Shelf(), Gate()), LIST),  # of another format
        leading_to(Pages(), "x"),
        leading_to(spoken(Shelf(), Gate()), "odd"),
        leading_to(spoken(Shelf(), Gate()), "unheard"),
    ],
)
@pytest.mark.gen_test
async def test_what_leads_to_no_neighbour(elsewhere: Elsewhere) -> None:
    assert await neighbour(elsewhere) is None


@pytest.mark.gen_test
async def test_a_neighbour_that_may_not_be_read_is_none() -> None:
    elsewhere, shelf = leading_to(spoken(Shelf("other"), Gate()), "m/b.zip"), Shelf()
    gate = Gate()
    await spoken(shelf, gate, elsewhere=elsewhere).handle(request("m/a.zip"))
    gate.allowed = ()
    assert shelf.contexts[0].neighbour("other/m/b.zip", Principal("bert")) is None


@pytest.mark.gen_test
async def test_without_others_there_is_no_neighbour() -> None:
    shelf = Shelf()
    await spoken(shelf, Gate()).handle(request("m/a.zip"))
    assert shelf.contexts[0].neighbour("other/m/b.zip", Principal("bert")) is None
    assert Context().neighbour("other/m/b.zip", Principal("bert")) is None


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
