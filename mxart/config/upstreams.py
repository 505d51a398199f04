"""The keys of a proxy repository that say how to reach its upstream, secrets included."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mxart.config import values
from mxart.config.tables import Table
from mxart.settings import CredentialSettings, UpstreamSettings

_LARGEST_SECRET = 64 * 1024  # bytes of a secret file
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2, the grammar of field names
_BEARER = re.compile(r"[\x21-\x7e]+")
_NETRC = re.compile(r"[\x21\x24-\x7e][\x21-\x7e]*")  # of which every reader of a netrc file makes the same word
_LONGEST_WORD = 1024  # characters; some readers of netrc files have short lines
_ANY_USER = "x-access-token"  # hosts take any user name beside a token, but for those that ask for this one
_RUNS = 4  # of a tool at once, over all workers: each is several processes
_FOR_TOOLS = ("auth_hosts", "time_limit")
_FOR_URLS = ("connect_timeout", "idle_timeout", "retries")
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
    given = table.take("upstream", partial(_url_or_word, words=tools), "")
    settings = _read_tool(table, around, given) if given in tools else _read_http(table, around, given)
    return settings if given else None


def _url_or_word(value: object, words: Collection[str]) -> str:
    if isinstance(value, str) and value in words:
        return value
    try:
        return values.http_url(value)
    except ValueError as error:
        others = "".join(f', or "{word}"' for word in words)
        raise ValueError(f"{error}{others}") from error


def _read_http(table: Table, around: Surroundings, url: str) -> UpstreamSettings:
    default = UpstreamSettings(url=url)
    _refuse(table, _FOR_TOOLS, "it is for an upstream that is fetched by a tool; this one is a URL: leave it out")
    return UpstreamSettings(
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


def _read_tool(table: Table, around: Surroundings, tool: str) -> UpstreamSettings:
    default = UpstreamSettings(url="", tool=tool, max_connections=_RUNS)
    _refuse(table, _FOR_URLS, f'it has no meaning for upstream = "{tool}": leave it out')
    if "auth" in table:
        table.missing("auth", f'for upstream = "{tool}" each host has a login of its own: want auth_hosts = {{ … }}')
    table.take_raw("auth")
    return UpstreamSettings(
        url="",
        tool=tool,
        http_proxy=table.take("http_proxy", _proxy_of_tools, default.http_proxy),
        ca_file=table.take("ca_file", partial(_authority, folder=around.folder), default.ca_file),
        max_connections=table.take("max_connections", values.whole(1, 10_000), default.max_connections),
        queue_timeout=table.take("queue_timeout", values.duration, default.queue_timeout),
        auth_hosts=_read_logins(table.take_table("auth_hosts"), around),
        time_limit=table.take("time_limit", values.duration, default.time_limit),
    )


def _refuse(table: Table, keys: Collection[str], message: str) -> None:
    for key in keys:
        if key in table:
            table.missing(key, message)
        table.take_raw(key)


def _proxy_of_tools(value: object) -> str:
    url = values.proxy_url(value)
    if url.startswith("socks4"):
        raise ValueError("want an http, https, socks5 or socks5h proxy: not every tool speaks SOCKS 4")
    return url


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
        password=_read_secret(table, "password", around, _password),
        token=_read_secret(table, "token", around, _bearer),
        headers=_read_headers(table),
    )
    _check_form(table)
    table.finish()
    return settings


def _read_logins(table: Table | None, around: Surroundings) -> Mapping[str, CredentialSettings]:
    """Host → user name and password; a token has become the password."""
    logins: dict[str, CredentialSettings] = {}
    for host in table or ():
        assert table is not None
        try:
            name = _host_of_login(host, table.take_raw(host))
        except ValueError as error:
            table.missing(host, str(error))  # its value may hold a secret
            continue
        login = table.take_table(host)
        if login is not None:
            logins[name] = _read_login(login, around)
    return logins


def _host_of_login(host: str, value: object) -> str:
    if isinstance(value, Mapping) and "." not in host and any(isinstance(inner, Mapping) for inner in value.values()):
        # TOML takes the dots of a bare key for nested tables
        raise ValueError('a name with dots in it goes in quotes: { "git.example.org" = { … } }')
    name = values.host_name(host)
    if name == "*":
        raise ValueError("want the name of one host: a login is sent to no other")
    return name


def _read_login(table: Table, around: Surroundings) -> CredentialSettings:
    username = table.take("username", _netrc_word, "")
    password = _read_secret(table, "password", around, _netrc_word)
    token = _read_secret(table, "token", around, _netrc_word)
    given = [key for name in ("password", "token") for key in (name, f"{name}_env", f"{name}_file") if key in table]
    if not given:
        table.missing("", "want { token_env }, perhaps with a username, or { username, password_env }")
    elif len(given) > 1:
        table.missing(given[1], f"{given[0]} says it already; give one of them")
    elif given[0].startswith("password") and "username" not in table:
        table.missing("username", f"{given[0]} needs a username beside it")
    table.finish()
    return CredentialSettings(username=username or _ANY_USER, password=password or token)


def _netrc_word(value: object) -> str:
    word = values.text(value)
    if len(word) > _LONGEST_WORD or not _NETRC.fullmatch(word):
        raise ValueError(
            "want printable ASCII without spaces that does not begin with a quotation mark or a hash sign, "
            f"at most {_LONGEST_WORD} characters: it goes into a netrc file"
        )
    return word


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


def _read_secret(table: Table, key: str, around: Surroundings, check: Callable[[object], str]) -> str:
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
