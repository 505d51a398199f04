"""What a server asks for that answered 401: WWW-Authenticate (RFC 9110 §11.6.1), and where a token is to be had; pure.

The token realm is that of the distribution project's "Token Authentication Specification", which all container
registries speak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from mxart.errors import BadUpstream
from mxart.upstream.parameters import QUOTED, SPACE, TOKEN, beyond_commas, unquoted
from mxart.upstream.redirects import Origin, without_secrets

_MAX_FIELD_SIZE = 16 * 1024  # characters; a longer one is none
_MAX_REALM_SIZE = 4096
_END = rf"(?={SPACE}(?:,|\Z))"
_SCHEME = re.compile(rf"({TOKEN})(?: ++[A-Za-z0-9._~+/-]++=*+{_END})?(?=[ \t,]|\Z)")  # perhaps with a token68
_PARAMETER = re.compile(rf"({TOKEN}){SPACE}={SPACE}({TOKEN}|{QUOTED}){_END}")
_PLAIN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove oneself."""

    scheme: str  # lower case: "basic", "bearer"
    parameters: Mapping[str, str]  # lower-case names


def parse(field: str) -> tuple[Challenge, ...]:
    """All challenges of a field, in its order. What is malformed ends it; what stood before counts.

    >>> [challenge.scheme for challenge in parse('Basic realm="a", Bearer realm="b",scope="c,d"')]
    ['basic', 'bearer']
    """
    found: list[tuple[str, dict[str, str]]] = []
    text = field if len(field) <= _MAX_FIELD_SIZE else ""
    position = beyond_commas(text, 0)
    while position < len(text):
        if found and (match := _PARAMETER.match(text, position)):
            found[-1][1].setdefault(match[1].lower(), unquoted(match[2]))
        elif match := _SCHEME.match(text, position):
            found.append((match[1].lower(), {}))
        else:
            break
        position = beyond_commas(text, match.end())
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def choose(field: str, *, basic: bool) -> Challenge | None:
    """The challenge to answer: Bearer, where it says whom to ask; else Basic, when there is something to answer it
    with. None: no answer is known.

    Raises BadUpstream when all that is wanted is a token, and nobody says where from.
    """
    challenges = parse(field)
    bearers = [challenge for challenge in challenges if challenge.scheme == "bearer"]
    for challenge in bearers:
        if challenge.parameters.get("realm"):
            return challenge
    for challenge in challenges:
        if challenge.scheme == "basic" and basic:
            return challenge
    if bearers:
        raise BadUpstream("it wants a token, and does not say whom to ask for one: if you have one, set auth", 401)
    return None


def realm_url(challenge: Challenge, asked: Origin) -> str:
    """Where the token for a Bearer challenge of ``asked`` is to be had.

    Raises BadUpstream when it is no plain http(s) URL, or http, where anybody could read along, and ``asked`` is https.
    """
    realm = challenge.parameters.get("realm", "")
    if len(realm) > _MAX_REALM_SIZE or not _PLAIN.fullmatch(realm) or "#" in realm or "\\" in realm:
        raise BadUpstream("the realm that it names for tokens is no URL", 401)
    origin = Origin.of(realm)
    if asked.scheme == "https" and origin.scheme != "https":
        raise BadUpstream(f"the realm that it names for tokens is not https: {without_secrets(realm)!r}", 401)
    return realm


def token_url(realm: str, challenge: Challenge, account: str) -> str:
    """The whole URL of the question: ``realm`` with its query, service, scopes, and ``account`` unless it is ""."""
    parameters = challenge.parameters
    asked = [("service", parameters["service"])] if parameters.get("service") else []
    asked += [("scope", scope) for scope in parameters.get("scope", "").split()]
    asked += [("account", account)] if account else []
    if not asked:
        return realm
    joint = "" if realm.endswith(("?", "&")) else "&" if "?" in realm else "?"
    return f"{realm}{joint}{urlencode(asked)}"
