from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import jwt
import pytest

from mxart.access.identify import Access
from mxart.access.tokens import Tokens
from mxart.api.routes import Router
from mxart.api.token import Token, scopes
from mxart.errors import Invalid, MxartError
from mxart.model import Bytes, Grant, Principal, Request, Response
from mxart.server.failures import headers_of, status_of
from tests.server.client import RawClient
from tests.support.accounts import MemoryAccounts, account
from tests.support.own import served

KEY = bytes(32)
NOW = 1_700_000_000.0
SERVICE = "registry.example:5000"
FORM = "application/x-www-form-urlencoded"
ADMIN, ADA = "admin:secret", "ada:pässwörd"

NGINX = "library/nginx/-/*"
PULL, PUSH, DELETE = (Grant(action, "hub", NGINX) for action in ("read", "write", "delete"))
CATALOG = Grant("read", "*", "_catalog")


def resolve(request: Request, name: str) -> tuple[str, str] | None:
    """Images below ``hub/`` on every host; on one of its own, any."""
    if request.host == "hub.example":
        return "hub", f"{name}/-/*"
    repository, _, image = name.partition("/")
    return (repository, f"{image}/-/*") if repository in ("hub", "house") and image else None


@dataclass
class Realm:
    """A token realm, and the accounts behind it."""

    access: Access
    view: Token

    @property
    def router(self) -> Router:
        return Router(self.access.identify, _failures, {}, {"-/token": self.view, "POST -/token": self.view})


def _failures(error: MxartError) -> tuple[int, dict[str, str]]:
    return status_of(error), headers_of(error)


def realm(anonymous: Literal["read", "none"] = "read") -> Realm:
    accounts = MemoryAccounts(account("admin", "secret", admin=True), account("ada", "pässwörd"))
    access = Access(accounts, anonymous, Tokens(KEY, clock=lambda: NOW))
    return Realm(access, Token(access, resolve, _failures))


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def get(query: str = "", credentials: str = "", **others: str) -> Request:
    headers = {"authorization": basic(credentials)} if credentials else {}
    return Request(method="GET", path="-/token", query=query, headers=headers, **others)  # type: ignore[arg-type]


def post(form: dict[str, str] | str | bytes, kind: str = FORM) -> Request:
    text = urlencode(form) if isinstance(form, dict) else form
    data = text if isinstance(text, bytes) else text.encode()

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    return Request(method="POST", path="-/token", headers={"content-type": kind} if kind else {}, body=body())


def login(**others: str) -> dict[str, str]:
    given = {"grant_type": "password", "username": "admin", "password": "secret", "service": SERVICE, **others}
    return {name: value for name, value in given.items() if value != "-"}


def document(response: Response) -> dict[str, Any]:
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    found = json.loads(response.content.data)
    assert isinstance(found, dict)
    return found


def claims(response: Response) -> dict[str, Any]:
    token = document(response)["token"]
    return jwt.decode(token, KEY, ["HS256"], options={"verify_aud": False, "verify_exp": False})


async def proven(realm: Realm, response: Response) -> Principal:
    """Who the token of the answer proves to ask."""
    assert response.status == 200
    field = f"Bearer {document(response)['token']}"
    return await realm.access.identify(Request(method="GET", path="x", headers={"authorization": field}))


# --- what is asked for

SCOPES = [
    ([], []),
    ([""], []),
    (["repository:hub/app:pull"], ["repository:hub/app:pull"]),
    (["repository:hub/app:pull,push"], ["repository:hub/app:pull,push"]),
    (["repository:hub/app:push,pull,push"], ["repository:hub/app:push,pull"]),
    (["repository:hub/app:*"], ["repository:hub/app:pull,push,delete"]),
    (["repository:hub/app:delete,*"], ["repository:hub/app:delete,pull,push"]),
    (["repository(plugin):hub/app:pull"], ["repository:hub/app:pull"]),
    (["repository:a:pull  repository:b:push "], ["repository:a:pull", "repository:b:push"]),
    (["repository:a:pull", "repository:b:push"], ["repository:a:pull", "repository:b:push"]),
    (
        ["repository:a:pull", "repository:b:pull", "repository:a:pull,push"],
        ["repository:a:pull,push", "repository:b:pull"],
    ),
    (["repository:hub/app:pull,fly"], ["repository:hub/app:pull"]),
    (["registry:catalog:*"], ["registry:catalog:*"]),
    (["registry:catalog:* repository:a:pull registry:catalog:*"], ["registry:catalog:*", "repository:a:pull"]),
    # and what is none
    (["registry:catalog:pull"], []),
    (["registry:other:*"], []),
    (["repository"], []),
    (["repository:hub/app"], []),
    (["repository::pull"], []),
    (["repository:host:5000/app:pull"], []),
    (["repository:hub/app:PULL"], []),
    (["REPOSITORY:hub/app:pull"], []),
    (["repository():hub/app:pull"], []),
    (["aplugin:hub/app:pull"], []),
    (["repository:hub/*:pull"], []),
    (["repository:hub/[a-z]:pull"], []),
    (["repository:../app:pull"], []),
    (["repository:hub//app:pull"], []),
    (["repository:/app:pull"], []),
    (["repository:hub/app/:pull"], []),
    (["repository:hub/äpp:pull"], []),
    (["repository:hub/app\n:pull"], []),
    (["repository:hub/app:pull\n"], []),
    (["repository:" + "a" * 512 + ":pull"], ["repository:" + "a" * 512 + ":pull"]),
    (["repository:" + "a" * 513 + ":pull"], []),
    (["repository:" + "a:" * 30000 + ":pull"], []),
    (["repository:" + "a/" * 30000 + ":pull"], []),
    (["::::", ":", "a:b:c", "\t"], []),
]


@pytest.mark.parametrize(("values", "expected"), SCOPES, ids=range(len(SCOPES)))
def test_scopes(values: list[str], expected: list[str]) -> None:
    given = [scope for scope in scopes(values) if scope.actions]
    assert [str(scope) for scope in given] == expected


def test_so_many_scopes_and_no_more() -> None:
    assert len(scopes(f"repository:a{number}:pull" for number in range(64))) == 64
    with pytest.raises(Invalid, match="64"):
        scopes(["repository:a:pull " * 65])


# --- what is given

GIVEN = [
    # nobody
    ("", "", "read", ()),
    ("scope=repository:hub/library/nginx:pull", "", "read", (PULL,)),
    ("scope=repository:hub/library/nginx:pull,push", "", "read", (PULL,)),
    ("scope=repository:hub/library/nginx:push", "", "read", ()),
    ("scope=repository:hub/library/nginx:*", "", "read", (PULL,)),
    ("scope=repository:nowhere/nginx:pull", "", "read", ()),
    ("scope=repository:hub:pull", "", "read", ()),
    ("scope=nonsense&scope=repository:hub/library/nginx:pull", "", "read", (PULL,)),
    ("scope=registry:catalog:*", "", "read", (CATALOG,)),
    # somebody
    ("", ADA, "read", ()),
    ("scope=repository:hub/library/nginx:pull,push", ADA, "read", (PULL,)),
    ("scope=repository:hub/library/nginx:pull,push", ADA, "none", ()),
    ("scope=repository:hub/library/nginx:pull,push&account=admin", ADA, "none", ()),
    ("account=admin&client_id=docker&offline_token=true&service=s", ADMIN, "none", ()),
    ("scope=repository:hub/library/nginx:pull,push", ADMIN, "none", (PULL, PUSH)),
    ("scope=repository:hub/library/nginx:push", ADMIN, "none", (PUSH,)),
    ("scope=repository:hub/library/nginx:delete,pull", ADMIN, "none", (DELETE, PULL)),
    ("scope=repository:hub/library/nginx:*", ADMIN, "none", (PULL, PUSH, DELETE)),
    (
        "scope=repository:hub/library/nginx:pull&scope=repository:house/app:push",
        ADMIN,
        "none",
        (PULL, Grant("write", "house", "app/-/*")),
    ),
    (
        "scope=repository:hub/library/nginx:pull+repository:house/app:push%20registry:catalog:*",
        ADMIN,
        "none",
        (PULL, Grant("write", "house", "app/-/*"), CATALOG),
    ),
]


@pytest.mark.parametrize(("query", "credentials", "anonymous", "limits"), GIVEN)
@pytest.mark.gen_test
async def test_given(
    query: str, credentials: str, anonymous: Literal["read", "none"], limits: tuple[Grant, ...]
) -> None:
    door = realm(anonymous)
    name = credentials.partition(":")[0]
    request = get(query, credentials)
    response = await door.view(request)
    assert await proven(door, response) == Principal(name, name == "admin", limits)
    assert request.principal == Principal(name, name == "admin")  # whom the log names


@pytest.mark.gen_test
async def test_the_answer() -> None:
    response = await realm().view(get(f"service={SERVICE}&scope=repository:hub/library/nginx:pull,push,fly", ADMIN))
    found = document(response)
    assert found == {
        "token": found["token"],
        "access_token": found["token"],
        "expires_in": 300,
        "issued_at": "2023-11-14T22:13:20Z",
    }
    held = claims(response)
    assert (held["sub"], held["aud"]) == ("admin", SERVICE)
    assert held["access"] == [{"type": "repository", "name": "hub/library/nginx", "actions": ["pull", "push"]}]


@pytest.mark.gen_test
async def test_a_scope_of_which_nothing_may_be_done_is_left_out() -> None:
    query = "scope=repository:hub/library/nginx:push&scope=repository:house/app:pull&scope=registry:catalog:*"
    assert claims(await realm().view(get(query)))["access"] == [
        {"type": "repository", "name": "house/app", "actions": ["pull"]},
        {"type": "registry", "name": "catalog", "actions": ["*"]},
    ]


@pytest.mark.gen_test
async def test_a_name_means_what_it_means_where_the_request_came_in() -> None:
    door = realm()
    response = await door.view(get("scope=repository:library/nginx:pull", host="hub.example"))
    assert (await proven(door, response)).limits == (PULL,)


@pytest.mark.parametrize(
    ("form", "name", "limits", "scope"),
    [
        (login(), "admin", (), ""),
        (login(username="ada", password="pässwörd"), "ada", (), ""),
        (login(service="-"), "admin", (), ""),
        (login(access_type="offline", client_id="containerd-client", unknown="x"), "admin", (), ""),
        (
            login(scope="repository:hub/library/nginx:pull,push registry:catalog:*"),
            "admin",
            (PULL, PUSH, CATALOG),
            "repository:hub/library/nginx:pull,push registry:catalog:*",
        ),
        (
            login(username="ada", password="pässwörd", scope="repository:hub/library/nginx:push,pull"),
            "ada",
            (PULL,),
            "repository:hub/library/nginx:pull",
        ),
    ],
)
@pytest.mark.gen_test
async def test_given_for_a_form(form: dict[str, str], name: str, limits: tuple[Grant, ...], scope: str) -> None:
    door = realm()
    response = await door.view(post(form, f"{FORM}; charset=UTF-8"))
    assert await proven(door, response) == Principal(name, name == "admin", limits)
    found = document(response)
    assert (found["access_token"], found["token_type"], found["scope"]) == (found["token"], "Bearer", scope)
    assert "refresh_token" not in found


# --- what is refused


@pytest.mark.parametrize(
    ("anonymous", "headers"),
    [
        ("none", {}),
        ("read", {"authorization": basic("admin:wrong")}),
        ("read", {"authorization": basic("nobody:secret")}),
        ("read", {"authorization": "Basic ==="}),
        ("read", {"authorization": "Bearer abc"}),
        ("read", {"authorization": "Digest x"}),
        ("read", {"authorization": ""}),
    ],
)
@pytest.mark.gen_test
async def test_who_is_refused(anonymous: Literal["read", "none"], headers: dict[str, str]) -> None:
    query = "scope=repository:hub/library/nginx:pull"
    response = await realm(anonymous).view(Request(method="GET", path="-/token", query=query, headers=headers))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Basic realm="mxart"')
    (error,) = document(response)["errors"]
    assert error["code"] == "UNAUTHORIZED"
    assert error["message"]


@pytest.mark.gen_test
async def test_a_token_is_no_way_to_another() -> None:
    door = realm()
    token = document(await door.view(get("", ADMIN)))["token"]
    request = Request(method="GET", path="-/token", headers={"authorization": f"Bearer {token}"})
    response = await door.view(request)
    assert response.status == 401
    assert token not in json.dumps(document(response))


@pytest.mark.parametrize(
    "query",
    [
        "service=" + "s" * 256,
        "service=a&service=b",
        "scope=%FF",
        "&".join(["scope=repository:a:pull"] * 65),
        "&".join(f"p{number}=1" for number in range(200)),
        # more than any token can say
        "&".join(f"scope=repository:hub/{'a' * 200}{number}:pull,push,delete" for number in range(60)),
    ],
    ids=range(6),
)
@pytest.mark.gen_test
async def test_a_query_that_is_refused(query: str) -> None:
    response = await realm().view(get(query, ADMIN))
    assert response.status == 400
    assert [error["code"] for error in document(response)["errors"]] == ["UNKNOWN"]


@pytest.mark.parametrize(
    ("form", "kind", "error"),
    [
        ("", FORM, "invalid_request"),
        (login(grant_type="-"), FORM, "invalid_request"),
        (login(username="-"), FORM, "invalid_request"),
        (login(password="-"), FORM, "invalid_request"),
        (login(password=""), FORM, "invalid_request"),
        (urlencode(login()) + "&username=ada", FORM, "invalid_request"),
        (login(service="s" * 256), FORM, "invalid_request"),
        (login(scope="repository:a:pull " * 65), FORM, "invalid_request"),
        (login(), "", "invalid_request"),
        (login(), "application/json", "invalid_request"),
        (json.dumps(login()), FORM, "invalid_request"),
        (b"grant_type=password&username=\xff", FORM, "invalid_request"),
        ("grant_type=password&username=%FF", FORM, "invalid_request"),
        ("a=1&" * 200, FORM, "invalid_request"),
        (login(grant_type="refresh_token", refresh_token="x"), FORM, "unsupported_grant_type"),
        (login(grant_type="client_credentials"), FORM, "unsupported_grant_type"),
        (login(grant_type="PASSWORD"), FORM, "unsupported_grant_type"),
    ],
)
@pytest.mark.gen_test
async def test_a_form_that_is_refused(form: dict[str, str] | str | bytes, kind: str, error: str) -> None:
    response = await realm().view(post(form, kind))
    assert response.status == 400
    found = document(response)
    assert found["error"] == error
    assert found["error_description"] == found["errors"][0]["message"]
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize("others", [{"password": "wrong"}, {"username": "nobody"}, {"username": "admin\0"}])
@pytest.mark.gen_test
async def test_a_wrong_password_in_a_form(others: dict[str, str]) -> None:
    response = await realm().view(post(login(**others)))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Basic realm="mxart"')
    assert [error["code"] for error in document(response)["errors"]] == ["UNAUTHORIZED"]


# --- on the wire

WIRE = [
    ("GET", "/-/token?service=s", {}, b"", 200, None),
    ("HEAD", "/-/token?service=s", {}, b"", 200, None),
    ("GET", "/-/token", {"Authorization": basic(ADMIN)}, b"", 200, None),
    ("GET", "/-/token", {"Authorization": basic("admin:wrong")}, b"", 401, "UNAUTHORIZED"),
    ("GET", "/-/token", {"Authorization": "Bearer x"}, b"", 401, "UNAUTHORIZED"),
    ("POST", "/-/token", {"Content-Type": FORM}, urlencode(login()).encode(), 200, None),
    ("POST", "/-/token", {"Content-Type": FORM}, urlencode(login(password="x")).encode(), 401, "UNAUTHORIZED"),
    ("POST", "/-/token", {"Content-Type": "text/plain"}, urlencode(login()).encode(), 400, "UNKNOWN"),
]


@pytest.mark.parametrize(("method", "target", "fields", "body", "status", "code"), WIRE)
@pytest.mark.gen_test
async def test_on_the_wire(
    method: str, target: str, fields: dict[str, str], body: bytes, status: int, code: str | None
) -> None:
    async with served(realm().router) as port:
        client = await RawClient.connect(port)
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        await client.send("\r\n".join([*lines, "", ""]).encode() + body)
        answer = await client.answer(method)
        await client.close()
    assert answer.status == status
    if method == "HEAD":
        assert answer.body == b""
        return
    found = json.loads(answer.body)
    if code is None:
        assert found["token"].count(".") == 2
    else:
        assert [error["code"] for error in found["errors"]] == [code]
        assert ("www-authenticate" in answer.headers) is (status == 401)
