"""The keys of a proxy repository that say how to reach its upstream, secrets included."""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mxart.config import values
from mxart.config.tables import Table
from mxart.settings import CredentialSettings, UpstreamSettings

_LARGEST_SECRET = 64 * 1024  # bytes of a secret file
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2, the grammar of field names
_BEARER = re.compile(r"[\x21-\x7e]+")
# These frame the message, or are mxart's own to set on each request.
_RESERVED_FIELDS = frozenset(
    (
        *("accept-encoding", "connection", "content-length", "host", "keep-alive", "proxy-authorization", "range"),
        *("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"),
        *("te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via"),
    )
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's relative paths and ``*_env`` keys refer to."""

    folder: Path  # absolute
    environ: Mapping[str, str]


def read_upstream(table: Table, around: Surroundings, tools: Collection[str] = ()) -> UpstreamSettings | None:
    """The upstream of a proxy; None when ``upstream`` is missing, or wrong and noted. ``tools``: the words that it may
    be instead of a URL."""
    url = table.take("upstream", values.http_url, "")
    default = UpstreamSettings(url=url)
    settings = UpstreamSettings(
        url=url,
        http_proxy=table.take("http_proxy", values.proxy_url, default.http_proxy),
        auth=_read_credentials(table.take_table("auth"), around),
        ca_file=table.take("ca_file", partial(_authority, folder=around.folder), default.ca_file),
        connect_timeout=table.take("connect_timeout", values.duration, default.connect_timeout),
        idle_timeout=table.take("idle_timeout", values.duration, default.idle_timeout),
        retries=table.take("retries", values.whole(0, 20), default.retries),
        max_connections=table.take("max_connections", values.whole(1, 10_000), default.max_connections),
        queue_timeout=table.take("queue_timeout", values.duration, default.queue_timeout),
    )
    return settings if url else None


def _authority(value: object, folder: Path) -> Path | None:
    if value == "":
        return None
    path = values.readable_file(value, folder)
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"{path} holds no certificate: want a PEM file") from error
    return path


def _read_credentials(table: Table | None, around: Surroundings) -> CredentialSettings:
    if table is None:
        return CredentialSettings()
    settings = CredentialSettings(
        username=table.take("username", _username, ""),
        password=_read_secret(table, "password", around),
        token=_read_secret(table, "token", around),
        headers=_read_headers(table),
    )
    _check_form(table)
    table.finish()
    return settings


def _check_form(table: Table) -> None:
    """Exactly one way to prove oneself is given, and given whole."""
    passwords = [key for key in ("password", "password_env", "password_file") if key in table]
    tokens = [key for key in ("token", "token_env", "token_file") if key in table]
    forms = [bool("username" in table or passwords), bool(tokens), "headers" in table]
    for keys in (passwords, tokens):
        if len(keys) > 1:
            table.missing(keys[1], f"{keys[0]} says it already; give one of them")
    if sum(forms) != 1:
        table.missing("", "want one of { username, password_env }, { token_env } and { headers }")
    elif forms[0] and "username" not in table:
        table.missing("username", f"{passwords[0]} needs a username beside it")
    elif forms[0] and not passwords:
        table.missing("password", "a username needs password, password_env or password_file beside it")


def _read_secret(table: Table, key: str, around: Surroundings) -> str:
    check = _bearer if key == "token" else _password
    given = table.take_secret(key, check)
    from_environ = table.take(f"{key}_env", lambda value: check(_from_environ(value, around.environ)), "")
    from_file = table.take(f"{key}_file", lambda value: check(_from_file(value, around.folder)), "")
    return given or from_environ or from_file


def _from_environ(value: object, environ: Mapping[str, str]) -> str:
    secret = environ.get(values.text(value), "")
    if not secret:
        raise ValueError("this environment variable is not set; set it before starting mxart")
    return secret


def _from_file(value: object, folder: Path) -> str:
    path = values.readable_file(value, folder)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_SECRET + 1)
        secret = data.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text") from error
    if not secret or len(data) > _LARGEST_SECRET:
        raise ValueError(f"{path} is empty or too large: want the secret in it, and nothing else")
    return secret


def _username(value: object) -> str:
    username = values.text(value)
    if not username or ":" in username:  # RFC 7617 §2
        raise ValueError("want a user name that is not empty and has no colon")
    return username


def _password(value: object) -> str:
    password = values.text(value)
    if not password:
        raise ValueError("want a password that is not empty")
    return password


def _bearer(value: object) -> str:
    token = values.text(value)
    if not _BEARER.fullmatch(token):  # RFC 6750 §2.1
        raise ValueError("want a token that is not empty, of printable ASCII without spaces")
    return token


def _read_headers(table: Table) -> Mapping[str, str]:
    child = table.take_table("headers")
    if child is None:
        return {}
    headers: dict[str, str] = {}
    for field in child:
        if not _TOKEN.fullmatch(field):
            child.missing(field, 'want the name of a header field, such as "X-Token"')
        elif field.lower() in _RESERVED_FIELDS:
            child.missing(field, "this header field is set by mxart itself; leave it out")
        else:
            headers[field] = child.take_secret(field, _field_value)
    return headers


def _field_value(value: object) -> str:
    content = values.text(value)
    if not content or content != content.strip() or not content.isascii():  # RFC 9110 §5.5
        raise ValueError("want the value of a header field: printable ASCII, no spaces around it")
    return content
