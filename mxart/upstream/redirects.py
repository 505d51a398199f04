"""URLs of an upstream and of where it redirects to; pure.

A `Location` is hostile: it decides whom we connect to, and whether credentials go along. So only URLs of a plain
shape are followed, on whose host every parser agrees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from mxart.errors import BadUpstream

REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
_MAX_URL_SIZE = 16 * 1024  # bytes; signed URLs of object stores have a few KiB

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?(?=[/?]|\Z)", re.ASCII
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_SAFE = "!#$%&'()*+,/:;=?@[]~"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port (RFC 6454 §4): whoever has the same one may see the credentials."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Raises BadUpstream when it is no plain http or https URL, or has credentials in it."""
        match = _URL.match(url)
        if match is None or int(match["port"] or 1) > 65535:
            raise BadUpstream(f"not a plain http or https URL: {without_secrets(url)!r}")
        scheme = match["scheme"]
        return cls(scheme, match["host"].lower(), int(match["port"] or _PORTS[scheme]))


def follow(url: str, location: str) -> str:
    """The absolute URL that ``location`` (as received, ISO 8859-1) means at ``url`` (RFC 9110 §10.2.2).

    Raises BadUpstream when it is missing, malformed, not http(s), or leads from https to http.
    """
    if not location or len(location) > _MAX_URL_SIZE or _UNSAFE.search(location):
        raise BadUpstream("it redirects to nowhere: its Location is missing, malformed or too long")
    try:
        target = urljoin(url, quote(location.encode("latin-1"), safe=_SAFE)).partition("#")[0]
    except ValueError as error:
        raise BadUpstream(f"it redirects to {without_secrets(location)!r}, which is malformed") from error
    target = re.sub(r"^[A-Za-z]+(?=:)", lambda match: match[0].lower(), target)
    if Origin.of(url).scheme == "https" and Origin.of(target).scheme != "https":
        raise BadUpstream(
            f"it redirects from https to {without_secrets(target)!r}, where anyone could change the content"
        )
    return target


def without_secrets(url: str) -> str:
    """``url`` for messages: no user, no password, no query (which may be a signature).

    >>> without_secrets("https://ci:pw@store.example.org/a?sig=x")
    'https://store.example.org/a'
    """
    bare = re.split(r"[?#]", url[:500], maxsplit=1)[0]
    return re.sub(r"//[^/]*@", "//", bare)


def host_of(url: str) -> str:
    """Host, and port if stated: how messages name the upstream."""
    return urlsplit(url).netloc.rpartition("@")[2]
