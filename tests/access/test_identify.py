from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Literal

import pytest

from mxart.access.identify import Access
from mxart.access.tokens import Tokens
from mxart.errors import Denied, MxartError, TokenFault, Unauthenticated
from mxart.model import Action, Grant, Principal, Request
from mxart.store import Account
from tests.support.accounts import MemoryAccounts, account

ADMIN = Principal("admin", admin=True)
ADA = Principal("ada")
NOBODY = Principal()

Anonymous = Literal["read", "none"]

TOKENS = Tokens(bytes(32))
PULL = Grant("read", "hub", "nginx/-/*")
PUSH = Grant("write", "hub", "nginx/-/*")
CATALOG = Grant("read", "*", "_catalog")


def access(anonymous: Anonymous = "read") -> Access:
    accounts = MemoryAccounts(account("admin", "secret:with:colons", admin=True), account("ada", "pässwörd"))
    return Access(accounts, anonymous, TOKENS)


async def spoken_for(gate: Access, principal: Principal, *limits: Grant) -> Request:
    """A request by a token of ``principal``."""
    issued = await gate.issue(principal, "registry.example", [], limits)
    return Request(method="GET", path="x", headers={"authorization": f"Bearer {issued.token}"})


def basic(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return "Basic " + b64encode(data).decode()


@pytest.mark.parametrize(
    ("field", "principal"),
    [
        (None, NOBODY),
        (basic("admin:secret:with:colons"), ADMIN),
        (basic("ada:pässwörd"), ADA),
        (basic("ada:pässwörd").replace("Basic", "basic"), ADA),
    ],
)
@pytest.mark.gen_test
async def test_who_asks(field: str | None, principal: Principal) -> None:
    request = Request(method="GET", path="x", headers={} if field is None else {"authorization": field})
    assert await access().identify(request) == principal
    assert await access().login(request) == principal


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Basic",
        "Basic ",
        "Basic ===",
        "Basic not base64",
        basic("admin"),
        basic("admin:"),
        basic(":secret:with:colons"),
        basic("admin:secret"),
        basic("admin:secret:with:colons "),
        basic("Admin:secret:with:colons"),
        basic("ada:secret:with:colons"),
        basic("nobody:secret:with:colons"),
        basic("admin\0:secret:with:colons"),
        basic(b"ada:p\xe4ssw\xf6rd"),  # Latin-1, which we did not ask for
        basic("x" * 60000 + ":" + "y" * 5000),
        "Bearer abc",
        'Digest username="admin"',
        "admin:secret:with:colons",
    ],
)
@pytest.mark.gen_test
async def test_credentials_that_prove_nothing_are_refused_and_never_repeated(field: str) -> None:
    for prove in (access().identify, access().login):
        with pytest.raises(Unauthenticated) as raised:
            await prove(Request(method="GET", path="x", headers={"authorization": field}))
        assert raised.value.challenge == 'Basic realm="mxart", charset="UTF-8"'
        assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    ("field", "reason"),
    [("Bearer abc", "invalid_token"), ("Bearer a b", ""), (basic("admin:x"), ""), ("Digest x", ""), ("", "")],
)
@pytest.mark.gen_test
async def test_a_token_that_is_none_is_called_so(field: str, reason: TokenFault) -> None:
    with pytest.raises(Unauthenticated) as raised:
        await access().identify(Request(method="GET", path="x", headers={"authorization": field}))
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("username", "password", "principal"),
    [
        ("admin", "secret:with:colons", ADMIN),
        ("ada", "pässwörd", ADA),
        ("ada", "", None),
        ("", "", None),
        ("", "pässwörd", None),
        ("ada\0", "pässwörd", None),
        ("x" * 60000, "pässwörd", None),
    ],
)
@pytest.mark.gen_test
async def test_a_password_without_a_field(username: str, password: str, principal: Principal | None) -> None:
    if principal is not None:
        assert await access().check_password(username, password) == principal
        return
    with pytest.raises(Unauthenticated):
        await access().check_password(username, password)


@pytest.mark.parametrize(
    ("anonymous", "principal", "limits"),
    [
        ("read", NOBODY, ()),
        ("read", NOBODY, (PULL,)),
        ("none", ADA, (PULL, PUSH)),
        ("none", ADMIN, ()),
        ("read", ADMIN, (CATALOG,)),
    ],
)
@pytest.mark.gen_test
async def test_a_token_speaks_for_whoever_got_it(
    anonymous: Anonymous, principal: Principal, limits: tuple[Grant, ...]
) -> None:
    gate = access(anonymous)
    found = await gate.identify(await spoken_for(gate, principal, *limits))
    assert found == Principal(principal.name, principal.admin, limits)


@pytest.mark.gen_test
async def test_a_token_gets_nobody_another() -> None:
    gate = access()
    with pytest.raises(Unauthenticated, match="Only Basic"):
        await gate.login(await spoken_for(gate, ADA))


@pytest.mark.parametrize(
    "now",
    [
        account("ada", "pässwörd"),  # the same password, set again
        account("ada", "other", admin=True),
        None,
    ],
)
@pytest.mark.gen_test
async def test_a_token_ends_with_the_password_and_with_the_account(now: Account | None) -> None:
    accounts = MemoryAccounts(account("ada", "pässwörd"))
    gate = Access(accounts, "read", TOKENS)
    request = await spoken_for(gate, ADA, PULL)
    assert await gate.identify(request) == Principal("ada", limits=(PULL,))
    del accounts.held["ada"]
    if now is not None:
        await accounts.put_account(now)
    with pytest.raises(Unauthenticated) as raised:
        await gate.identify(request)
    assert raised.value.reason == "invalid_token"


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.gen_test
async def test_who_is_an_admin_is_looked_up_each_time(admin: bool) -> None:
    accounts = MemoryAccounts(account("ada", "pässwörd", admin=not admin))
    gate = Access(accounts, "read", TOKENS)
    request = await spoken_for(gate, Principal("ada", not admin), PULL)
    await accounts.put_account(replace(accounts.held["ada"], admin=admin))
    assert await gate.identify(request) == Principal("ada", admin, (PULL,))


@pytest.mark.parametrize(("anonymous", "principal"), [("none", NOBODY), ("read", Principal("gone"))])
@pytest.mark.gen_test
async def test_who_gets_no_token(anonymous: Anonymous, principal: Principal) -> None:
    with pytest.raises(Unauthenticated) as raised:
        await access(anonymous).issue(principal, "", [], ())
    assert raised.value.challenge.startswith("Basic ")


@pytest.mark.gen_test
async def test_another_server_s_token_is_refused() -> None:
    accounts = MemoryAccounts(account("ada", "pässwörd"))
    request = await spoken_for(Access(accounts, "read", Tokens(b"k" * 32)), ADA)
    with pytest.raises(Unauthenticated):
        await Access(accounts, "read", TOKENS).identify(request)


@pytest.mark.gen_test
async def test_a_changed_password_counts_at_once() -> None:
    accounts = MemoryAccounts(account("ada", "old"))
    gate = Access(accounts, "read", TOKENS)
    old = Request(method="GET", path="x", headers={"authorization": basic("ada:old")})
    assert await gate.identify(old) == ADA
    await accounts.put_account(account("ada", "new"))
    with pytest.raises(Unauthenticated):
        await gate.identify(old)


@pytest.mark.parametrize(
    ("anonymous", "principal", "action", "refusal"),
    [
        ("read", NOBODY, "read", None),
        ("read", NOBODY, "write", Unauthenticated),
        ("read", NOBODY, "delete", Unauthenticated),
        ("read", NOBODY, "admin", Unauthenticated),
        ("none", NOBODY, "read", Unauthenticated),
        ("none", NOBODY, "write", Unauthenticated),
        ("read", ADA, "read", None),
        ("read", ADA, "write", Denied),
        ("none", ADA, "read", Denied),
        ("none", ADMIN, "read", None),
        ("none", ADMIN, "write", None),
        ("none", ADMIN, "delete", None),
        ("none", ADMIN, "admin", None),
        # no name, no proof
        ("none", Principal("", admin=False), "read", Unauthenticated),
    ],
)
def test_may_they(anonymous: Anonymous, principal: Principal, action: Action, refusal: type[MxartError] | None) -> None:
    assert access(anonymous).may(principal, action, "go", "m/@v/list") is (refusal is None)
    if refusal is None:
        access(anonymous).authorize(principal, action, "go", "m/@v/list")
        return
    with pytest.raises(refusal):
        access(anonymous).authorize(principal, action, "go", "m/@v/list")


@pytest.mark.parametrize(
    ("anonymous", "principal", "limits", "action", "place", "refusal", "reason"),
    [
        ("read", NOBODY, (PULL,), "read", ("hub", "nginx/-/tags/1"), None, ""),
        ("read", NOBODY, (PULL,), "read", ("hub", "nginx-2/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("read", NOBODY, (PULL,), "read", ("house", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("read", NOBODY, (), "read", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        # a limit is no grant
        ("read", NOBODY, (PUSH,), "write", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("none", NOBODY, (PULL,), "read", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("none", ADA, (PULL,), "read", ("hub", "nginx/-/tags/1"), Denied, ""),
        ("read", ADA, (PUSH,), "write", ("hub", "nginx/-/tags/1"), Denied, ""),
        ("read", ADA, (PUSH,), "read", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("none", ADMIN, (PULL,), "read", ("hub", "nginx/-/tags/1"), None, ""),
        ("none", ADMIN, (PULL,), "write", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("none", ADMIN, (PULL, PUSH), "write", ("hub", "nginx/-/tags/1"), None, ""),
        ("none", ADMIN, (PULL, PUSH), "delete", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
        ("none", ADMIN, (PULL, PUSH), "admin", ("hub", ""), Unauthenticated, "insufficient_scope"),
        ("none", ADMIN, (CATALOG,), "read", ("hub", "_catalog"), None, ""),
        ("none", ADMIN, (CATALOG,), "read", ("hub", "nginx/-/tags/1"), Unauthenticated, "insufficient_scope"),
    ],
)
def test_what_a_token_is_good_for(
    anonymous: Anonymous,
    principal: Principal,
    limits: tuple[Grant, ...],
    action: Action,
    place: tuple[str, str],
    refusal: type[MxartError] | None,
    reason: TokenFault,
) -> None:
    gate, limited = access(anonymous), replace(principal, limits=limits)
    assert gate.may(limited, action, *place) is (refusal is None)
    if refusal is None:
        gate.authorize(limited, action, *place)
        return
    with pytest.raises(refusal) as raised:
        gate.authorize(limited, action, *place)
    assert getattr(raised.value, "reason", "") == reason


@pytest.mark.parametrize(
    ("anonymous", "principal", "readable"),
    [
        ("read", NOBODY, {"a", "b"}),
        ("none", ADA, set()),
        ("none", ADMIN, {"a", "b"}),
        ("read", ADA, {"a", "b"}),
        ("read", Principal(limits=(Grant("read", "a", "x/*"),)), {"a"}),
        ("read", Principal("ada", limits=()), set()),
        ("read", Principal("ada", limits=(Grant("write", "a"), CATALOG)), {"a", "b"}),
        ("none", Principal("ada", limits=(CATALOG,)), set()),
        ("none", Principal("admin", admin=True, limits=(Grant("read", "b", ""), Grant("write", "a"))), {"b"}),
    ],
)
def test_readable(anonymous: Anonymous, principal: Principal, readable: set[str]) -> None:
    assert access(anonymous).readable(principal, ["a", "b"]) == readable


def test_whoever_could_read_something_after_logging_in_is_told_so() -> None:
    with pytest.raises(Unauthenticated):
        access("none").readable(NOBODY, ["a"])
    with pytest.raises(Unauthenticated) as raised:
        access("read").readable(Principal(limits=(PULL,)), ["a"])
    assert raised.value.reason == "insufficient_scope"
    assert access("none").readable(NOBODY, []) == frozenset()
