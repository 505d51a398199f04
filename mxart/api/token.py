"""``/-/token``: the realm at which container clients get the Bearer tokens that ``/v2/`` asks them for.

Specifications, of the distribution project: "Token Authentication Specification" (GET, with Basic credentials or none),
"OAuth2 Token Authentication" (POST, a form: RFC 6749 §4.3) and "Token Scope Documentation". Whatever of a scope may not
be done is left out of the token: the resource refuses it then, and says why. No refresh tokens are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from mxart.api import wire
from mxart.api.routes import Failures
from mxart.errors import Denied, Invalid, MxartError, TooLarge, Unauthenticated, Unavailable
from mxart.model import Action, Grant, Principal, Request, Response
from mxart.units import format_rfc3339

CATALOG = "_catalog"  # the path of the grant to list what there is

_MOST_SCOPES = 64
_MOST_PARAMETERS = 128
_LONGEST_SERVICE = 255  # characters
_FORM = "application/x-www-form-urlencoded"
_SCOPE = re.compile(r"(repository|registry)(?:\([a-z0-9]+\))?:(.+):([a-z,*]+)")
_NAME = re.compile(r"(?=.{1,512}\Z)[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*", re.ASCII)  # so it holds no glob
_ACTIONS: Mapping[str, Action] = {"pull": "read", "push": "write", "delete": "delete"}
_CODES: tuple[tuple[type[MxartError], str], ...] = (
    (Unauthenticated, "UNAUTHORIZED"),
    (Denied, "DENIED"),
    (Unavailable, "UNAVAILABLE"),
    (TooLarge, "SIZE_INVALID"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """``actions`` on one resource, in the client's words: asked for, or given."""

    type: str  # "repository", or "registry" with the name "catalog"
    name: str
    actions: tuple[str, ...]  # pull, push, delete; "*" of the catalog

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


class Issued(Protocol):
    """A token that has just been made."""

    @property
    def token(self) -> str: ...

    @property
    def expires_in(self) -> int:
        """Seconds."""
        ...

    @property
    def issued_at(self) -> float:
        """UTC seconds."""
        ...


class Gate(Protocol):
    """Who asks, may they, and the token that says so. (``mxart.access``)"""

    async def login(self, request: Request) -> Principal:
        """Raises Unauthenticated for credentials that are wrong, or no password. Anonymous when there are none."""
        ...

    async def check_password(self, username: str, password: str) -> Principal:
        """Raises Unauthenticated when it is wrong."""
        ...

    def may(self, principal: Principal, action: Action, repository: str, path: str) -> bool: ...

    async def issue(
        self, principal: Principal, service: str, access: Sequence[Scope], limits: tuple[Grant, ...]
    ) -> Issued:
        """Raises Unauthenticated when nobody has logged in and nothing is open to everyone."""
        ...


class _UnsupportedGrant(Invalid):
    """A form that wants a token in a way that is not known here."""


@dataclass(frozen=True, slots=True)
class Token:
    """Answers GET and POST; every error in the envelope that container clients read.

    ``resolve``: the repository that an image's name means where the request came in, and a glob of the paths there
    that are the image's; None when there is none.
    """

    gate: Gate
    resolve: Callable[[Request, str], tuple[str, str] | None]
    failures: Failures

    async def __call__(self, request: Request) -> Response:
        try:
            return await (self._by_form(request) if request.method == "POST" else self._by_query(request))
        except MxartError as error:
            return self._failure(error, request.method)

    async def _by_query(self, request: Request) -> Response:
        parameters = _parameters(request.query)
        request.principal = await self.gate.login(request)
        issued, _ = await self._issue(request, parameters)
        return wire.answer(_document(issued))

    async def _by_form(self, request: Request) -> Response:
        parameters = await _form(request)
        if _needed(parameters, "grant_type") != "password":
            raise _UnsupportedGrant("Only grant_type=password is answered here: no refresh tokens are given.")
        username, password = _needed(parameters, "username"), _needed(parameters, "password")
        request.principal = await self.gate.check_password(username, password)
        issued, given = await self._issue(request, parameters)
        return wire.answer({**_document(issued), "token_type": "Bearer", "scope": " ".join(map(str, given))})

    async def _issue(self, request: Request, parameters: Mapping[str, list[str]]) -> tuple[Issued, Sequence[Scope]]:
        """A token for ``request.principal``, and what of the scopes that are asked for it is good for."""
        service = _one(parameters, "service")
        if len(service) > _LONGEST_SERVICE:
            raise Invalid(f"The service is longer than {_LONGEST_SERVICE} characters.")
        given: list[Scope] = []
        limits: list[Grant] = []
        for scope in scopes(parameters.get("scope", ())):
            actions, grants = self._granted(request, scope)
            if actions:
                given.append(Scope(scope.type, scope.name, actions))
                limits += grants
        return await self.gate.issue(request.principal, service, given, tuple(limits)), given

    def _granted(self, request: Request, scope: Scope) -> tuple[tuple[str, ...], list[Grant]]:
        """Those of its actions that may be done, and as grants."""
        if scope.type == "registry":  # whoever lists repositories leaves out those that the principal may not read
            return scope.actions, [Grant("read", "*", CATALOG)]
        place = self.resolve(request, scope.name)
        if place is None:
            return (), []
        actions = tuple(name for name in scope.actions if self.gate.may(request.principal, _ACTIONS[name], *place))
        return actions, [Grant(_ACTIONS[name], *place) for name in actions]

    def _failure(self, error: MxartError, method: str) -> Response:
        status, headers = self.failures(error)
        code = next((code for kind, code in _CODES if isinstance(error, kind)), "UNKNOWN")
        document: dict[str, wire.Json] = {"errors": [{"code": code, "message": error.message}]}
        if method == "POST" and isinstance(error, Invalid):  # RFC 6749 §5.2
            word = "unsupported_grant_type" if isinstance(error, _UnsupportedGrant) else "invalid_request"
            document |= {"error": word, "error_description": error.message}
        response = wire.answer(document, status)
        response.headers |= headers
        return response


def scopes(values: Iterable[str]) -> list[Scope]:
    """The scopes that ``values`` name, each a list with spaces between; those for one resource are one, and what is
    malformed or unknown is left out. Raises Invalid for more than 64.

    >>> [str(scope) for scope in scopes(["repository:hub/app:push repository:hub/app:pull,push", "registry:catalog:*"])]
    ['repository:hub/app:push,pull', 'registry:catalog:*']
    """
    asked = [text for value in values for text in value.split(" ") if text]
    if len(asked) > _MOST_SCOPES:
        raise Invalid(f"More than {_MOST_SCOPES} scopes are asked for at once.")
    found: dict[tuple[str, str], dict[str, None]] = {}
    for scope in filter(None, map(_scope, asked)):
        found.setdefault((scope.type, scope.name), {}).update(dict.fromkeys(scope.actions))
    return [Scope(*resource, tuple(actions)) for resource, actions in found.items()]


def _scope(text: str) -> Scope | None:
    """The name is all between the first colon and the last."""
    match = _SCOPE.fullmatch(text)
    if match is None:
        return None
    kind, name, actions = match[1], match[2], match[3].split(",")
    if kind == "registry":
        return Scope(kind, name, ("*",)) if name == "catalog" and "*" in actions else None
    return Scope(kind, name, tuple(_actions(actions))) if _NAME.fullmatch(name) else None


def _actions(asked: Iterable[str]) -> Iterator[str]:
    for action in asked:
        if action == "*":
            yield from _ACTIONS
        elif action in _ACTIONS:
            yield action


async def _form(request: Request) -> Mapping[str, list[str]]:
    """What a form holds; of a size that the router bounds (`routes.BODY_LIMIT`)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Invalid(f"Want a form: Content-Type: {_FORM}.")
    data = b"".join([piece async for piece in request.body])
    try:
        return _parameters(data.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Invalid("The form is not percent-encoded.") from error


def _parameters(text: str) -> Mapping[str, list[str]]:
    """Those that have a value; for one of the names it must be one, see `_one`. Raises Invalid."""
    try:
        return parse_qs(text, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError as error:
        raise Invalid(f"The parameters are not percent-encoded UTF-8, or more than {_MOST_PARAMETERS}.") from error


def _one(parameters: Mapping[str, list[str]], name: str) -> str:
    """The value of the parameter, "" when it has none (RFC 6749 §3.2). Raises Invalid when it has several."""
    values = parameters.get(name, [""])
    if len(values) > 1:
        raise Invalid(f"The parameter {name} comes more than once.")
    return values[0]


def _needed(parameters: Mapping[str, list[str]], name: str) -> str:
    if value := _one(parameters, name):
        return value
    raise Invalid(f"The form has no {name}.")


def _document(issued: Issued) -> dict[str, wire.Json]:
    return {
        "token": issued.token,
        "access_token": issued.token,
        "expires_in": issued.expires_in,
        "issued_at": format_rfc3339(issued.issued_at),
    }
