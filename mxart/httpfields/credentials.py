"""Authorization (RFC 9110 §11.6.2, RFC 7617 Basic, RFC 6750 Bearer)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from mxart.errors import Invalid

_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that speaks for whoever holds it."""

    token: str = field(repr=False)


def parse(authorization: str) -> Basic | Bearer | None:
    """The credentials of an Authorization field; None for "" and for schemes that are not spoken here.

    Raises Invalid when they are malformed. The message never repeats them.
    """
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "basic":
            return _basic(value)
        case "bearer":
            if not _TOKEN68.fullmatch(value):
                raise Invalid("The Bearer token in the Authorization field is malformed (RFC 6750 §2.1).")
            return Bearer(value)
    return None


def _basic(value: str) -> Basic:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Invalid("The Basic credentials in the Authorization field are not base64 of UTF-8 (RFC 7617).") from error
    username, colon, password = text.partition(":")
    if not colon or not text.isprintable():
        raise Invalid("The Basic credentials in the Authorization field are not user:password (RFC 7617 §2).")
    return Basic(username, password)
