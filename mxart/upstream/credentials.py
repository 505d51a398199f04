"""What proves us to an upstream, as header fields (RFC 7617, RFC 6750): never in a URL, a log line or a message."""

from __future__ import annotations

import base64
from dataclasses import replace

from mxart.settings import CredentialSettings

Fields = tuple[tuple[str, str], ...]


def credential_fields(auth: CredentialSettings) -> Fields:
    """The header fields that ``auth`` means: configured ones as they are; Bearer when there is a token, else Basic.

    >>> credential_fields(CredentialSettings(username="ci", password="pw"))
    (('Authorization', 'Basic Y2k6cHc='),)
    """
    fields = tuple(auth.headers.items())
    if auth.token:
        return (*fields, ("Authorization", f"Bearer {auth.token}"))
    if auth.username or auth.password:
        pair = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode("ascii")
        return (*fields, ("Authorization", f"Basic {pair}"))
    return fields


def merged(*sets: Fields) -> Fields:
    """All fields of these sets, each name once, in whatever case: later sets win."""
    fields: dict[str, tuple[str, str]] = {}
    for name, value in (pair for pairs in sets for pair in pairs):
        fields[name.lower()] = (name, value)
    return tuple(fields.values())


def standing_fields(auth: CredentialSettings) -> Fields:
    """Those of the fields that go along unasked also where a user name and password wait for a challenge."""
    return credential_fields(replace(auth, username="", password=""))


def basic_fields(auth: CredentialSettings) -> Fields:
    """The user name and password as an answer to a challenge; () when there are none, or there is a token instead."""
    return () if auth.token else credential_fields(replace(auth, headers={}))
