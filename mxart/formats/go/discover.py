"""What the go command of this machine uses today, as a proposal of a proxy.

Specifications: Go Modules Reference, "Environment variables" (GOPROXY, GOSUMDB).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from mxart.contract import Proposal
from mxart.formats.go.settings import is_base_url, is_database_name

Run = Callable[[Sequence[str]], str]


def discover(run: Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
    """The first proxy of GOPROXY with the checksum database of GOSUMDB; nothing when Go uses no proxy.

    ``go env`` is asked, which knows the user's and the toolchain's settings too; without it, the environment.
    """
    origin, lines = "go env GOPROXY", run(["go", "env", "GOPROXY", "GOSUMDB"]).splitlines()
    if len(lines) != 2:
        origin, lines = "the environment's GOPROXY", [environ.get("GOPROXY", ""), environ.get("GOSUMDB", "")]
    upstream = first_proxy(lines[0])
    if not upstream:
        return ()
    database = checksum_database(lines[1])
    return (
        Proposal(
            name="go",
            format="go",
            upstream=upstream,
            origin=origin,
            options={"sumdb": database} if database else {},
        ),
    )


def first_proxy(goproxy: str) -> str:
    """The first http or https URL of a GOPROXY list, without credentials; "" when it has none.

    >>> first_proxy("direct|off,goproxy.example.org/go/,https://other.example.org")
    'https://goproxy.example.org/go'
    """
    for item in re.split("[,|]", goproxy):
        url = without_credentials(item.strip())
        if "." in url and ":/" not in url and not url.startswith("/"):
            url = f"https://{url}"  # as the go command completes a bare host
        if is_base_url(url):
            return url.rstrip("/")
    return ""


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
