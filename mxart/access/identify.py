"""From a request to a principal, and from a principal to yes or no."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from typing import Literal

from mxart.access.grants import allows, touches
from mxart.access.passwords import Passwords
from mxart.access.tokens import Issued, Permission, Tokens
from mxart.errors import Denied, Invalid, TokenFault, Unauthenticated
from mxart.httpfields import credentials
from mxart.httpfields.credentials import Basic, Bearer
from mxart.model import Action, Grant, Principal, Request
from mxart.store import Accounts

_MUST_LOG_IN = "Nobody has logged in, and this is not open to everyone: send a user name and a password."
_WRONG = "The user name or the password is wrong."
_CHANGED = "The account that the token speaks for is gone, or has another password by now: log in again."
_NOT_SPOKEN = (
    "Only Basic credentials (RFC 7617) and this server's own Bearer tokens are understood here: "
    "send a user name and a password."
)
_NO_TOKENS = "Only Basic credentials are taken here (RFC 7617): send a user name and a password."

_GRANTS_OF_ANYONE: dict[str, tuple[Grant, ...]] = {"read": (Grant("read"),), "none": ()}


class Access:
    """Who asks, and may they? One for each worker."""

    def __init__(self, accounts: Accounts, anonymous: Literal["read", "none"], tokens: Tokens) -> None:
        """``anonymous``: what clients may do that send no credentials."""
        self._accounts = accounts
        self._passwords = Passwords()
        self._grants_of_anyone = _GRANTS_OF_ANYONE[anonymous]
        self._tokens = tokens

    # --- who asks

    async def identify(self, request: Request) -> Principal:
        """Who the request's Authorization field proves to ask; the anonymous principal when it has none.

        Raises Unauthenticated for credentials that are wrong, malformed or of a scheme that is not spoken here (never
        falls back to anonymous: a client that sends them wants to know), Unavailable when too many are being checked.
        """
        match _given(request):
            case None:
                return Principal()
            case Basic(username, password):
                return await self.check_password(username, password)
            case Bearer(token):
                return await self._spoken_for(token)

    async def login(self, request: Request) -> Principal:
        """As `identify`, but only a password proves anything: a token must not get its holder another."""
        match _given(request):
            case None:
                return Principal()
            case Basic(username, password):
                return await self.check_password(username, password)
            case Bearer():
                raise Unauthenticated(_NO_TOKENS)

    async def check_password(self, username: str, password: str) -> Principal:
        """The account of that name, whose password this is. Raises Unauthenticated, Unavailable."""
        account = await self._accounts.account(username)
        right = await self._passwords.verify(username, password, account.password_hash if account else None)
        if account is None or not right:
            raise Unauthenticated(_WRONG)
        return Principal(account.name, account.admin)

    async def _spoken_for(self, token: str) -> Principal:
        proof = self._tokens.verify(token)
        if not proof.name:
            return Principal(limits=proof.limits)
        account = await self._accounts.account(proof.name)
        if account is None or not hmac.compare_digest(self._tokens.mark(account), proof.mark):
            raise Unauthenticated(_CHANGED, reason="invalid_token")
        return Principal(account.name, account.admin, proof.limits)

    async def issue(
        self, principal: Principal, service: str, access: Sequence[Permission], limits: tuple[Grant, ...]
    ) -> Issued:
        """A token that proves its holder to be ``principal``, and is good for ``limits``; see `Tokens.issue`.

        Raises Unauthenticated when the account is gone, or when nobody has logged in and nothing is open to everyone;
        Invalid when too much is asked for.
        """
        if not principal.name and not self._grants_of_anyone:
            raise Unauthenticated(_MUST_LOG_IN)
        account = await self._accounts.account(principal.name) if principal.name else None
        if principal.name and account is None:
            raise Unauthenticated(_WRONG)
        return self._tokens.issue(account, service, access, limits)

    # --- may they

    def may(self, principal: Principal, action: Action, repository: str, path: str) -> bool:
        """Whether ``principal`` may do ``action`` on ``path`` of ``repository``."""
        return self._entitled(principal, action, repository, path) and _covered(principal, action, repository, path)

    def authorize(self, principal: Principal, action: Action, repository: str, path: str) -> None:
        """Returns when ``principal`` may do ``action`` on ``path`` of ``repository``.

        Raises Unauthenticated when nobody has logged in and somebody might be allowed to, or when it is only their
        token that is not good for it; Denied otherwise.
        """
        entitled = self._entitled(principal, action, repository, path)
        if entitled and _covered(principal, action, repository, path):
            return
        if entitled:
            message = f"The token is not good to {action} this in the repository {repository}: ask for one that is."
            raise Unauthenticated(message, reason="insufficient_scope")
        if not principal.name:
            raise Unauthenticated(_MUST_LOG_IN, reason=_fault(principal))
        raise Denied(f"{principal.name} has no grant to {action} this in the repository {repository}.")

    def readable(self, principal: Principal, repositories: Collection[str]) -> frozenset[str]:
        """Those of the repositories that ``principal`` may read, if only in part.

        Raises Unauthenticated when there are some, nobody has logged in, and none is open to everyone.
        """
        limits = principal.limits
        found = frozenset(
            name
            for name in repositories
            if self._entitled(principal, "read", name, "") and (limits is None or touches(limits, "read", name))
        )
        if repositories and not found and not principal.name:
            raise Unauthenticated(_MUST_LOG_IN, reason=_fault(principal))
        return found

    def _entitled(self, principal: Principal, action: Action, repository: str, path: str) -> bool:
        """Whatever the token is good for by which they came."""
        return principal.admin or allows(self._grants_of_anyone, action, repository, path)


def _covered(principal: Principal, action: Action, repository: str, path: str) -> bool:
    return principal.limits is None or allows(principal.limits, action, repository, path)


def _fault(principal: Principal) -> TokenFault:
    return "" if principal.limits is None else "insufficient_scope"


def _given(request: Request) -> Basic | Bearer | None:
    """The credentials of the request; None when it has no Authorization field. Raises Unauthenticated for those that
    are malformed, or of another scheme."""
    field = request.headers.get("authorization")
    if field is None:
        return None
    try:
        given = credentials.parse(field)
    except Invalid as error:
        raise Unauthenticated(error.message) from error
    if given is None:
        raise Unauthenticated(_NOT_SPOKEN)
    return given
