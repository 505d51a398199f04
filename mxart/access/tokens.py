"""Tokens that speak for an account for some minutes: JWTs (RFC 7519) under a key that only this server has.

A token says who (by name), since when and until when, and what it is good for. It does not say what its holder may
do: that is looked up each time, as is whether the account still has the password of that moment (its mark). Not here:
the accounts, and how a client asks for one.

The claims are those of Docker's token specification: ``iss``, ``sub`` ("": nobody has logged in), ``aud`` (the service
that the client named), ``iat``, ``nbf``, ``exp``, ``jti``, ``access``; and two of our own (RFC 7519 §4.3): ``limits``
(a list of [action, repository, pattern]) and ``mark``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard, get_args

import jwt

from mxart.errors import Invalid, Unauthenticated
from mxart.model import Action, Grant
from mxart.store import Account

LIFE = 300  # seconds
LEEWAY = 30.0  # seconds by which the clocks of two machines may differ
LONGEST = 16 * 1024  # characters of a token

_ALGORITHM = "HS256"
_REQUIRED = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "access", "limits", "mark")
_FAR = 1e12  # seconds; no clock shows more
_ACTIONS: Mapping[object, Action] = {action: action for action in get_args(Action)}
_NOT_OURS = "The token is not one that this server gave, or it has been changed on its way: ask for another."
_NOT_NOW = "The token has ended, or has not begun: ask for another."


class Permission(Protocol):
    """What may be done to one resource, in Docker's words: a member of the claim ``access``."""

    @property
    def type(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def actions(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that has just been made."""

    token: str = field(repr=False)
    expires_in: int  # seconds
    issued_at: float  # UTC seconds


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token says that is one of ours and has not ended."""

    name: str  # of the account; "" when nobody has logged in
    mark: str  # see `Tokens.mark`
    limits: tuple[Grant, ...]  # what it is good for


class Tokens:
    """Makes tokens and reads them. Any process with the same key and issuer reads what another has made."""

    def __init__(self, key: bytes, issuer: str = "mxart", clock: Callable[[], float] = time.time) -> None:
        """``key``: at least 32 random bytes (RFC 7518 §3.2). ``clock``: UTC seconds."""
        self._key = key
        self._issuer = issuer
        self._clock = clock

    def issue(
        self, account: Account | None, service: str, access: Sequence[Permission], limits: tuple[Grant, ...]
    ) -> Issued:
        """A token that proves its holder to be ``account`` (None: nobody has logged in) and is good for ``limits``.

        ``access`` tells the client the same in its own words; nobody believes it. Raises Invalid when all of it does
        not go into `LONGEST`.
        """
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "sub": account.name if account else "",
            "aud": service,
            "iat": now,
            "nbf": now,
            "exp": now + LIFE,
            "jti": secrets.token_hex(16),
            "access": [{"type": each.type, "name": each.name, "actions": list(each.actions)} for each in access],
            "limits": [[limit.action, limit.repository, limit.pattern] for limit in limits],
            "mark": self.mark(account),
        }
        token = jwt.encode(claims, self._key, _ALGORITHM)
        if len(token) > LONGEST:
            raise Invalid(f"A token for all that is asked would be longer than {LONGEST} characters: ask for less.")
        return Issued(token, LIFE, float(now))

    def verify(self, token: str) -> Proof:
        """What ``token`` says. Raises Unauthenticated when it is none of ours, or not now. The message never repeats
        it."""
        claims = self._claims(token)
        name, mark, limits = claims["sub"], claims["mark"], _limits(claims["limits"])
        if claims["iss"] != self._issuer or limits is None:
            raise _refusal(_NOT_OURS)
        if not (isinstance(name, str) and name.isprintable() and isinstance(mark, str) and mark.isascii()):
            raise _refusal(_NOT_OURS)
        if not _in_time(claims, self._clock()):
            raise _refusal(_NOT_NOW)
        return Proof(name, mark, limits)

    def mark(self, account: Account | None) -> str:
        """Changes with the account's password, and tells nobody without the key anything about it."""
        if account is None:
            return ""
        return hmac.new(self._key, b"mark\0" + account.password_hash.encode(), hashlib.sha256).hexdigest()[:16]

    def _claims(self, token: str) -> Mapping[str, object]:
        """All of `_REQUIRED`, as somebody who has the key wrote them. What they hold is checked by the caller: of
        PyJWT's own checks, some take a string for a number, and they have no clock but the machine's."""
        if len(token) > LONGEST:
            raise _refusal(_NOT_OURS)
        try:
            claims: Mapping[str, object] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],  # never what the token says of itself (RFC 8725 §3.1)
                options={
                    "require": list(_REQUIRED),
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refusal(_NOT_OURS) from None  # its message may hold parts of the token
        return claims


def _refusal(message: str) -> Unauthenticated:
    return Unauthenticated(message, reason="invalid_token")


def _in_time(claims: Mapping[str, object], now: float) -> bool:
    begin, end, issued = claims["nbf"], claims["exp"], claims["iat"]
    if not (_is_instant(begin) and _is_instant(end) and _is_instant(issued)):
        return False
    return begin - LEEWAY <= now < end + LEEWAY


def _is_instant(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_FAR < value < _FAR


def _limits(value: object) -> tuple[Grant, ...] | None:
    """None when they are malformed."""
    if not isinstance(value, list):
        return None
    limits = [_limit(row) for row in value]
    return tuple(limit for limit in limits if limit) if all(limits) else None


def _limit(row: object) -> Grant | None:
    if not isinstance(row, list) or len(row) != 3 or not all(isinstance(part, str) for part in row):
        return None
    action = _ACTIONS.get(row[0])
    return Grant(action, row[1], row[2]) if action else None
