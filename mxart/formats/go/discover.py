"""What the go command of this machine uses today, as proposals of a proxy.

Specifications: Go Modules Reference, "Environment variables" (GOPROXY, GOSUMDB, GOENV); design document 25530,
"Proxying a Checksum Database".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from mxart.formats.go.settings import is_base_url, is_database_name
from mxart.registration import Proposal

Run = Callable[[Sequence[str]], str]

_ASK = ("go", "env", "GOPROXY", "GOSUMDB")
# with GOTOOLCHAIN=local: go must not fetch another go, through a proxy that is about to start, to answer this
_USED = ("env", "GOTOOLCHAIN=local", *_ASK)
_BUILT_IN = ("env", "-u", "GOPROXY", "-u", "GOSUMDB", "GOENV=off", "GOTOOLCHAIN=local", *_ASK)


def discover(run: Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
    """Each proxy of GOPROXY in order, then the toolchain's own, as choices; nothing when Go uses no proxy.

    ``go env`` is asked, which knows the user's settings too; without it, the environment. The toolchain's own comes
    last because GOPROXY may name mxart itself by now. Where GOPROXY is ``direct`` or ``off`` it is not proposed:
    somebody did not want any.
    """
    origin, (goproxy, gosumdb) = "go env GOPROXY", _settings(run(_USED))
    if not goproxy:
        origin, goproxy, gosumdb = "GOPROXY", environ.get("GOPROXY", ""), environ.get("GOSUMDB", "")
    used = proxies(goproxy)
    if not used:
        return ()
    if "@" in goproxy:
        origin += " without the password: it goes into auth"
    default_proxy, default_database = _settings(run(_BUILT_IN))
    origins = dict.fromkeys(proxies(default_proxy), "the go command's default GOPROXY") | dict.fromkeys(used, origin)
    database = checksum_database(gosumdb) or checksum_database(default_database)
    in_order = dict.fromkeys([*used, *origins])
    return [choice for url in in_order for choice in _choices(url, origins[url], database)]


def proxies(goproxy: str) -> list[str]:
    """The http and https URLs of a GOPROXY list, without credentials.

    >>> proxies("direct|off,goproxy.example.org/go/,https://other.example.org")
    ['https://goproxy.example.org/go', 'https://other.example.org']
    """
    return [url for item in re.split("[,|]", goproxy) if is_base_url(url := _completed(item.strip()))]


def without_credentials(url: str) -> str:
    """The URL without user name and password: they belong into ``auth``, not into a generated file."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def checksum_database(gosumdb: str) -> dict[str, str]:
    """Name → URL of the database that GOSUMDB means: ``NAME[+HASH+KEY] [URL]``; empty for ``off`` and nonsense.

    >>> checksum_database("sums.example.org+0123abcd+AQID https://mirror.example.org/sums")
    {'sums.example.org': 'https://mirror.example.org/sums'}
    """
    words = gosumdb.split()
    if not 1 <= len(words) <= 2 or words[0] == "off":
        return {}
    name = words[0].partition("+")[0]
    url = words[1].rstrip("/") if len(words) == 2 else f"https://{name}"
    return {name: url} if is_database_name(name) and is_base_url(url) else {}


def _settings(output: str) -> tuple[str, str]:
    """GOPROXY and GOSUMDB as ``go env`` prints them, one a line; both "" when it has not."""
    lines = output.splitlines()
    return (lines[0], lines[1]) if len(lines) == 2 else ("", "")


def _completed(item: str) -> str:
    """An item of GOPROXY as a URL without credentials; a bare host gets its scheme, as the go command does it."""
    url = without_credentials(item)
    bare = "." in url and ":/" not in url and not url.startswith("/")
    return (f"https://{url}" if bare else url).rstrip("/")


def _choices(upstream: str, origin: str, database: Mapping[str, str]) -> Iterator[Proposal]:
    """The proxy with the checksum database: through the proxy unless that has none, else from where it is.

    It is the order of the go command, and works where the proxy is the only way out.
    """
    proxied = {name: f"{upstream}/sumdb/{name}" for name in database}
    for url in proxied.values():
        yield _proposal(upstream, origin, proxied, f"{url}/supported")
    yield _proposal(upstream, origin, database, "")


def _proposal(upstream: str, origin: str, sumdb: Mapping[str, str], needs: str) -> Proposal:
    options = {"sumdb": dict(sumdb)} if sumdb else {}
    return Proposal(name="go-public", format="go", upstream=upstream, origin=origin, options=options, needs=needs)
