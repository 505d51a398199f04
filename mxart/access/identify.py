"""From a request to a principal, and from a principal to yes or no."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from mxart.access.grants import allows
from mxart.access.passwords import Passwords
from mxart.errors import Denied, Invalid, Unauthenticated
from mxart.httpfields import credentials
from mxart.httpfields.credentials import Basic
from mxart.model import Action, Grant, Principal, Request
from mxart.store import Accounts

_MUST_LOG_IN = "Nobody has logged in, and this is not open to everyone: send a user name and a password."
_WRONG = "The user name or the password is wrong."
_NOT_SPOKEN = "Only Basic credentials are understood here (RFC 7617): send a user name and a password."

_GRANTS_OF_ANYONE: dict[str, tuple[Grant, ...]] = {"read": (Grant("read"),), "none": ()}


class Access:
    """Who asks, and may they? One for each worker."""

    def __init__(self, accounts: Accounts, anonymous: Literal["read", "none"]) -> None:
        """``anonymous``: what clients may do that send no credentials."""
        self._accounts = accounts
        self._passwords = Passwords()
        self._grants_of_anyone = _GRANTS_OF_ANYONE[anonymous]

    async def identify(self, request: Request) -> Principal:
        """Who the request's Authorization field proves to ask; the anonymous principal when it has none.

        Raises Unauthenticated for credentials that are wrong, malformed or of another scheme than Basic (never falls
        back to anonymous: a client that sends them wants to know), Unavailable when too many are being checked.
        """
        field = request.headers.get("authorization")
        if field is None:
            return Principal()
        return await self._proven(_basic(field))

    async def _proven(self, given: Basic) -> Principal:
        account = await self._accounts.account(given.username)
        stored = account.password_hash if account else None
        right = await self._passwords.verify(given.username, given.password, stored)
        if account is None or not right:
            raise Unauthenticated(_WRONG)
        return Principal(account.name, account.admin)

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        """Returns when ``principal`` may do ``action`` on ``path`` of ``repository``.

        Raises Unauthenticated when nobody has logged in and somebody might be allowed to, Denied otherwise.
        """
        if self._may(principal, action, repository, path):
            return
        if not principal.name:
            raise Unauthenticated(_MUST_LOG_IN)
        raise Denied(f"{principal.name} has no grant to {action} this in the repository {repository}.")

    def readable(self, principal: Principal, repositories: Collection[str]) -> frozenset[str]:
        """Those of the repositories that ``principal`` may read.

        Raises Unauthenticated when there are some, nobody has logged in, and none is open to everyone.
        """
        found = frozenset(name for name in repositories if self._may(principal, "read", name, ""))
        if repositories and not found and not principal.name:
            raise Unauthenticated(_MUST_LOG_IN)
        return found

    def _may(self, principal: Principal, action: Action, repository: str, path: str) -> bool:
        return principal.admin or allows(self._grants_of_anyone, action, repository, path)


def _basic(field: str) -> Basic:
    try:
        given = credentials.parse(field)
    except Invalid as error:
        raise Unauthenticated(error.message) from error
    if not isinstance(given, Basic):
        raise Unauthenticated(_NOT_SPOKEN)
    return given
