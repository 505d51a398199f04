from __future__ import annotations

from base64 import b64encode
from typing import Literal

import pytest

from mxart.access.identify import Access
from mxart.errors import Denied, MxartError, Unauthenticated
from mxart.model import Action, Principal, Request
from tests.support.accounts import MemoryAccounts, account

ADMIN = Principal("admin", admin=True)
ADA = Principal("ada")
NOBODY = Principal()

Anonymous = Literal["read", "none"]


def access(anonymous: Anonymous = "read") -> Access:
    accounts = MemoryAccounts(account("admin", "secret:with:colons", admin=True), account("ada", "pässwörd"))
    return Access(accounts, anonymous)


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
    with pytest.raises(Unauthenticated) as raised:
        await access().identify(Request(method="GET", path="x", headers={"authorization": field}))
    assert raised.value.challenge == 'Basic realm="mxart", charset="UTF-8"'
    assert "secret" not in raised.value.message


@pytest.mark.gen_test
async def test_a_changed_password_counts_at_once() -> None:
    accounts = MemoryAccounts(account("ada", "old"))
    gate = Access(accounts, "read")
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
    if refusal is None:
        access(anonymous).authorize(principal, action, "go", "m/@v/list")
        return
    with pytest.raises(refusal):
        access(anonymous).authorize(principal, action, "go", "m/@v/list")


@pytest.mark.parametrize(
    ("anonymous", "principal", "readable"),
    [("read", NOBODY, {"a", "b"}), ("none", ADA, set()), ("none", ADMIN, {"a", "b"}), ("read", ADA, {"a", "b"})],
)
def test_readable(anonymous: Anonymous, principal: Principal, readable: set[str]) -> None:
    assert access(anonymous).readable(principal, ["a", "b"]) == readable


def test_whoever_could_read_something_after_logging_in_is_told_so() -> None:
    with pytest.raises(Unauthenticated):
        access("none").readable(NOBODY, ["a"])
    assert access("none").readable(NOBODY, []) == frozenset()
