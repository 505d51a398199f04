from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from mxart.access.tokens import LEEWAY, LIFE, LONGEST, Proof, Tokens
from mxart.errors import Invalid, Unauthenticated
from mxart.model import Grant
from tests.support.accounts import account

KEY = bytes(range(64))
NOW = 1_700_000_000.0
ADA = account("ada", "secret")
PULL = Grant("read", "hub", "library/nginx/-/*")
MISSING = object()


@dataclass(frozen=True)
class Permission:
    """`tokens.Permission`."""

    type: str
    name: str
    actions: tuple[str, ...]


def tokens(key: bytes = KEY, issuer: str = "mxart", now: float = NOW) -> Tokens:
    return Tokens(key, issuer, lambda: now)


def claims(**others: Any) -> dict[str, Any]:
    """Those of a token that is accepted, but for ``others``."""
    given = {
        "iss": "mxart",
        "sub": "ada",
        "aud": "registry.example",
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": int(NOW) + LIFE,
        "jti": "0",
        "access": [],
        "limits": [["read", "hub", "*"]],
        "mark": "00",
        **others,
    }
    return {name: value for name, value in given.items() if value is not MISSING}


def signed(payload: dict[str, Any], key: bytes = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm)


def segment(document: object) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: object, payload: object, signature: str = "") -> str:
    return f"{segment(header)}.{segment(payload)}.{signature}"


def test_what_is_issued_is_what_is_read() -> None:
    access = [Permission("repository", "hub/library/nginx", ("pull",))]
    issued = tokens().issue(ADA, "registry.example", access, (PULL,))
    assert (issued.expires_in, issued.issued_at) == (300, NOW)
    assert tokens().verify(issued.token) == Proof("ada", tokens().mark(ADA), (PULL,))
    held = jwt.decode(issued.token, options={"verify_signature": False})
    assert len(held.pop("jti")) == 32
    assert held == {
        "iss": "mxart",
        "sub": "ada",
        "aud": "registry.example",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "access": [{"type": "repository", "name": "hub/library/nginx", "actions": ["pull"]}],
        "limits": [["read", "hub", "library/nginx/-/*"]],
        "mark": tokens().mark(ADA),
    }


def test_nobody_gets_a_token_too() -> None:
    assert tokens().verify(tokens().issue(None, "", [], ()).token) == Proof("", "", ())


def test_no_two_are_alike_and_none_shows() -> None:
    first, second = (tokens().issue(ADA, "", [], ()) for _ in range(2))
    assert first.token != second.token
    assert first.token not in repr(first)


def test_the_mark_tells_passwords_apart_and_nothing_else() -> None:
    again = account("ada", "secret")  # with another salt
    marks = {tokens().mark(each) for each in (ADA, again, account("ada", "other"))}
    assert len(marks) == 3
    assert tokens(b"k" * 64).mark(ADA) not in marks
    assert all(len(mark) == 16 for mark in marks)
    assert tokens().mark(ADA) == tokens().mark(ADA)


def test_what_would_be_too_long_to_be_accepted_is_not_issued() -> None:
    limits = tuple(Grant("read", "hub", f"{number}/" + "x" * 200) for number in range(64))
    with pytest.raises(Invalid):
        tokens().issue(ADA, "", [], limits)


GOOD = [
    claims(),
    claims(limits=[]),
    claims(sub=""),
    claims(iat=NOW - 0.5, nbf=NOW - 0.5),
    claims(nbf=NOW + LEEWAY),
    claims(exp=NOW - LEEWAY + 1),
    claims(aud=["what", "ever"]),
    claims(limits=[["delete", "*", "_catalog"], ["write", "", ""], ["admin", "x", "y"]]),
]

BAD_CLAIMS = [
    *(claims(**{name: MISSING}) for name in claims()),
    *(claims(**{name: None}) for name in claims()),
    claims(iss="another"),
    claims(iss=["mxart"]),
    claims(iss="mx"),
    claims(exp=NOW - LEEWAY),
    claims(exp=NOW - 3600),
    claims(exp=0),
    claims(exp=True),
    claims(exp=str(int(NOW) + LIFE)),
    claims(exp=float("inf")),
    claims(exp=float("nan")),
    claims(exp=10**400),
    claims(exp=[NOW + LIFE]),
    claims(nbf=NOW + LEEWAY + 1),
    claims(nbf="0"),
    claims(nbf=float("-inf")),
    claims(iat="yesterday"),
    claims(iat={}),
    claims(iat=True),
    claims(nbf=True),
    claims(sub=1),
    claims(sub=["ada"]),
    claims(sub="ada\0"),
    claims(sub="\ud800"),
    claims(mark=0),
    claims(mark="é"),
    claims(limits="read"),
    claims(limits={"read": "hub"}),
    claims(limits=["read"]),
    claims(limits=[["read", "hub"]]),
    claims(limits=[["read", "hub", "*", "*"]]),
    claims(limits=[["read", "hub", 1]]),
    claims(limits=[["READ", "hub", "*"]]),
    claims(limits=[["pull", "hub", "*"]]),
    claims(limits=[[["read"], "hub", "*"]]),
    claims(limits=[["read", "hub", "*"], None]),
]

BAD_TOKENS = [
    "",
    ".",
    "..",
    "x",
    "a.b.c",
    "a.b.c.d",
    "é.é.é",
    "\ud800",
    "0" * (LONGEST + 1),
    "0" * 10_000_000,
    signed(claims())[:-1],
    signed(claims()).rpartition(".")[0] + ".",
    signed(claims()) + "." + signed(claims()),
    signed(claims(access="x" * LONGEST)),  # ours, and longer than any that we give
    signed(claims(), b"k" * 64),
    signed(claims(), KEY, "HS512"),
    signed(claims(), KEY, "HS384"),
    unsigned({"alg": "none", "typ": "JWT"}, claims()),
    unsigned({"alg": "None"}, claims()),
    unsigned({"alg": ["HS256"]}, claims()),
    unsigned({"alg": "HS256", "jwk": {"kty": "oct", "k": ""}}, claims()),
    unsigned({}, claims()),
    unsigned([], claims()),
    unsigned(b"[" * 9000, claims()),
    unsigned(b'{"alg":' * 1500, claims()),
    unsigned({"alg": "RS256"}, claims(), "AAAA"),
    signed(claims()).partition(".")[0] + "." + segment(claims(sub="admin")) + "." + signed(claims()).rpartition(".")[2],
    jwt.api_jws.encode(b"[1]", KEY, "HS256"),
    jwt.api_jws.encode(b"null", KEY, "HS256"),
    jwt.api_jws.encode(b"[" * 9000, KEY, "HS256"),
    jwt.api_jws.encode(b'{"exp": ' + b"9" * 9000 + b"}", KEY, "HS256"),
    jwt.api_jws.encode(b"\xff", KEY, "HS256"),
    jwt.api_jws.encode(b"", KEY, "HS256"),
]


@pytest.mark.parametrize("payload", GOOD)
def test_accepted(payload: dict[str, Any]) -> None:
    limits = tuple(Grant(*row) for row in payload["limits"])
    assert tokens().verify(signed(payload)) == Proof(payload["sub"], "00", limits)


@pytest.mark.parametrize("payload", BAD_CLAIMS)
def test_claims_that_are_refused_whoever_signed_them(payload: dict[str, Any]) -> None:
    refused(jwt.api_jws.encode(json.dumps(payload).encode(), KEY, "HS256"))  # jwt.encode would not write them all


@pytest.mark.parametrize("token", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
def test_tokens_that_are_refused(token: str) -> None:
    refused(token)


def refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as raised:
        tokens().verify(token)
    assert raised.value.reason == "invalid_token"
    assert raised.value.__cause__ is None
    assert len(token) < 10 or token not in raised.value.message


@pytest.mark.parametrize(
    ("other", "accepted"),
    [
        (tokens(), True),
        (tokens(now=NOW + LIFE), True),  # its end may be seen a little later elsewhere
        (tokens(now=NOW - LEEWAY), True),
        (tokens(now=NOW + LIFE + LEEWAY), False),
        (tokens(now=NOW - LEEWAY - 1), False),
        (tokens(b"k" * 64), False),
        (tokens(issuer="another"), False),
    ],
)
def test_who_accepts_it(other: Tokens, accepted: bool) -> None:
    token = tokens().issue(ADA, "", [], ()).token
    if accepted:
        assert other.verify(token).name == "ada"
        return
    with pytest.raises(Unauthenticated):
        other.verify(token)
