"""Readers: from one TOML value to one checked value. Each raises ValueError with a sentence that says what would be
right. Only the readers of files touch the disk.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from mxart.httpfields.forwarding import UNIX
from mxart.units import parse_duration, parse_size

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
_LONGEST_NAME = 100
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_DOTTED_NUMBERS = re.compile(r"[0-9.]+")
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_NOT_IN_URL = re.compile(r"[^\x21-\x7e]")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_WANT_ADDRESS = 'want "host:port", "[IPv6]:port" or "unix:/path"'


def text(value: object) -> str:
    """A string without control characters."""
    if not isinstance(value, str):
        raise ValueError("want a string in quotes")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("want a string without control characters")
    return value


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("want true or false, without quotes")
    return value


def whole(minimum: int, maximum: int) -> Callable[[object], int]:
    """A reader of whole numbers from ``minimum`` to ``maximum``."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise ValueError(f"want a whole number from {minimum} to {maximum}")
        return value

    return read


def size(minimum: int) -> Callable[[object], int]:
    """A reader of sizes of at least ``minimum`` bytes."""

    def read(value: object) -> int:
        bytes_ = parse_size(text(value) if isinstance(value, str) else _number_text(value))
        if not minimum <= bytes_ < 1 << 62:
            raise ValueError(f"want a size of at least {minimum} bytes" if bytes_ < minimum else "want a smaller size")
        return bytes_

    return read


def duration(value: object) -> float:
    """A duration of more than nothing and less than 100 years."""
    seconds = parse_duration(text(value) if isinstance(value, str) else _number_text(value))
    if not 0 < seconds < 100 * 366 * 86400:
        raise ValueError('want a duration of more than 0, and less than 100 years, such as "30 s" or "5 min"')
    return seconds


def _number_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError('want a string with a unit, such as "64 KiB" or "5 min", or a plain number')
    if value < 0:
        raise ValueError("want a number that is not negative")
    return repr(value)


def choice(*allowed: str) -> Callable[[object], str]:
    """A reader of one of a few words."""

    def read(value: object) -> str:
        if value not in allowed:
            raise ValueError("want one of " + ", ".join(f'"{word}"' for word in allowed))
        return str(value)

    return read


def several(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of lists, each item read by ``read``."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError('want a list in brackets: ["…", "…"]')
        return tuple(read(item) for item in value)

    return read_all


def text_map(value: object) -> Mapping[str, str]:
    """A table of strings."""
    if not isinstance(value, Mapping):
        raise ValueError('want a table of strings: { "name" = "value", … }')
    if any(isinstance(item, Mapping) for item in value.values()):
        # TOML takes the dots of a bare key for nested tables
        raise ValueError('want a table of strings; a name with dots in it goes in quotes: { "a.example.org" = "…" }')
    return {text(key): text(item) for key, item in value.items()}


def name(value: object) -> str:
    """The name of a repository, a store or a listener."""
    word = text(value)
    if len(word) > _LONGEST_NAME or not _NAME.fullmatch(word):
        raise ValueError(
            "want a name of lower-case letters, digits, dots, dashes and underscores that begins with a letter or a "
            f"digit, at most {_LONGEST_NAME} characters"
        )
    return word


def pattern(value: object) -> str:
    """A glob on package names."""
    glob = text(value)
    if not glob or glob != glob.strip() or "://" in glob:
        raise ValueError('want a glob on package names, such as "corp.example.com/*"')
    return glob


def pattern_map(value: object) -> Mapping[str, tuple[str, ...]]:
    """A table of lists of globs on package names."""
    if not isinstance(value, Mapping):
        raise ValueError('want a table of lists: { "go-internal" = ["corp.example.com/*"] }')
    if any(isinstance(item, Mapping) for item in value.values()):  # as in `text_map`
        raise ValueError('want a table of lists; a name with dots in it goes in quotes: { "go.internal" = ["…"] }')
    return {text(key): several(pattern)(item) for key, item in value.items()}


def http_url(value: object) -> str:
    """The base URL of an HTTP service, without a trailing slash."""
    url = text(value)
    parts = _split(url, ("http", "https"), "https://artifacts.example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("want a URL without credentials; they go into auth = { username = …, password_env = … }")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("want a URL without ?query and #fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def public_url(value: object) -> str:
    """As `http_url`; "" stands for "from each request"."""
    return "" if value == "" else http_url(value)


def proxy_url(value: object) -> str:
    """The URL of a proxy to the upstream; "" stands for none. It may hold the credentials of that proxy."""
    if value == "":
        return ""
    parts = _split(text(value), _PROXY_SCHEMES, "http://proxy.example.org:3128")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("want the URL of a proxy without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _split(url: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    want = f'want a URL such as "{example}", its scheme one of {", ".join(schemes)}'
    if _NOT_IN_URL.search(url) or "\\" in url:
        raise ValueError(f"{want}; other characters than printable ASCII are percent-encoded")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ValueError(want) from error
    if parts.scheme not in schemes or not host or port == 0:
        raise ValueError(want)
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        raise ValueError(want)
    return parts


def address(value: object, folder: Path) -> str:
    """An address to listen on, in its one spelling; a relative socket path is taken from ``folder``."""
    given = text(value)
    if given.startswith("unix:"):
        return _unix_address(given.removeprefix("unix:"), folder)
    host, _, port = given.rpartition(":")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"{_WANT_ADDRESS}, the port a number up to 65535")
    if host.startswith("[") and host.endswith("]"):
        return f"[{_ipv6(host[1:-1])}]:{int(port)}"
    if not (_is_ipv4(host) if _DOTTED_NUMBERS.fullmatch(host) else _HOST_NAME.fullmatch(host)):
        every = f'; "0.0.0.0:{port}" listens on every IPv4 address' if host in ("", "*") else ""
        raise ValueError(f"{_WANT_ADDRESS}{every}")
    return f"{host.lower()}:{int(port)}"


def _unix_address(path: str, folder: Path) -> str:
    full = str(folder / path)
    if not path or len(full.encode()) > 107:  # sockaddr_un.sun_path, less its final NUL
        raise ValueError(f"{_WANT_ADDRESS}; the path of a unix socket is at most 107 bytes long")
    return f"unix:{full}"


def _is_ipv4(literal: str) -> bool:
    try:
        ipaddress.IPv4Address(literal)
    except ValueError:
        return False
    return True


def _ipv6(literal: str) -> str:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError as error:
        raise ValueError(f'{_WANT_ADDRESS}; "[::]:8080" listens on every IPv6 address') from error


def host_name(value: object) -> str:
    """A host name as a Host header carries it, lower-case, without port; "*" stands for any."""
    host = text(value)
    if host != "*" and not _HOST_NAME.fullmatch(host):
        raise ValueError('want a host name without port, such as "go.example.org", or "*"')
    return host.lower().rstrip(".")


def peer(value: object) -> str:
    """Who may connect: an address or a network in its one spelling, or "unix", whoever comes by a unix socket."""
    given = text(value)
    if given == UNIX:
        return given
    try:
        return str(ipaddress.ip_network(given) if "/" in given else ipaddress.ip_address(given))
    except ValueError as error:
        raise ValueError('want an IP address, a network such as "10.0.0.0/8", host bits zero, or "unix"') from error


def base_path(value: object) -> str:
    """The path of a repository's base URL, without a trailing slash; "" stands for "not exposed below a path"."""
    path = text(value)
    if path == "":
        return ""
    segments = path.removesuffix("/").split("/")
    if segments[0] or len(segments) < 2:
        raise ValueError('want a path that begins with "/" and is not "/" itself, such as "/go", or "" for none')
    for segment in segments[1:]:
        if segment in (".", "..") or not _PATH_SEGMENT.fullmatch(segment):
            raise ValueError('want a path of letters, digits, ".", "-", "_" and "~" between single slashes')
    if segments[1] in ("-", "v2"):
        raise ValueError('want another path: "/-/" is the server\'s own, and "/v2/" is Docker\'s')
    return "/".join(segments)


def readable_file(value: object, folder: Path) -> Path:
    """The absolute path of a file that can be read now."""
    path = folder / text(value)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
