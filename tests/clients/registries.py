"""A server of container images as its users have it: what is published, a proxy of an upstream, and both as one.

The upstream is Debian's docker-registry. `Site.host` names the server, `Site.mirror` the listener whose whole host is
the proxy, `Site.secure` one with a certificate, at ::1 and under the name `NAME`: engines trust loopback's IPv4
addresses unseen, and no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certs import Authority
from tests.support.registry import Registry
from tests.support.server import Server, free_port

NAME = "registry.test"
# what clients print, in mxart's words
MANIFEST_UNKNOWN = "manifest unknown"
NO_REPOSITORY = "no repository is served at /v2/nowhere"
NOT_TO_A_PROXY = "hub is a proxy: nothing can be published to it"
NOBODY = "Nobody has logged in"
WRONG_PASSWORD = "The user name or the password is wrong"
_BACK = 60.0  # seconds


@dataclass(slots=True)
class Site:
    """A running server and its upstream."""

    server: Server
    upstream: Registry
    mirror_port: int
    secure_port: int
    ca: Path = field(repr=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def mirror(self) -> str:
        return f"127.0.0.1:{self.mirror_port}"

    @property
    def secure(self) -> str:
        """Its name leads to ::1 only for who is told so."""
        return f"{NAME}:{self.secure_port}"

    @property
    def secure_address(self) -> str:
        """The same listener, for engines that trust no address unseen."""
        return f"127.0.0.1:{self.secure_port}"

    @property
    def login(self) -> tuple[str, str]:
        return "admin", self.server.admin_password


def hub(upstream: str, *more: str) -> str:
    """A proxy of that registry; ``more``: further lines of it."""
    lines = ['name = "hub"', 'format = "docker"', 'kind = "proxy"', f'upstream = "{upstream}"', *more]
    return "\n".join(["[[repository]]", *lines]) + "\n"


_HOUSE = """
[[repository]]
name = "house"
format = "docker"
kind = "hosted"

[[repository]]
name = "all"
format = "docker"
kind = "group"
members = ["house", "hub"]
publish_to = "house"
"""


FOR_NOBODY = '[access]\nanonymous = "none"\n'


@contextmanager
def site(folder: Path, upstream: Registry, *more: str, access: str = "") -> Iterator[Site]:
    """A server before that upstream; ``more``: further lines of the proxy; ``access``: the table of that name."""
    mirror_port, secure_port = free_port(), free_port()
    authority = Authority(folder / "certificates")
    issued = authority.issue(NAME, "::1", "127.0.0.1", "localhost")
    listeners = f"""
[[listener]]
name = "mirror"
listen = ["127.0.0.1:{mirror_port}"]

[[listener]]
name = "secure"
listen = ["[::1]:{secure_port}", "127.0.0.1:{secure_port}"]
tls = {{ certificate = "{issued.certificate}", key = "{issued.key}" }}
"""
    proxy = hub(
        upstream.url,
        'namespaces = ["docker.io"]',
        'hosts = [ { listener = "mirror", host = "*" } ]',
        'ttl = "1 s"',
        *more,
    )
    with Server(folder / "server", access + listeners + _HOUSE + proxy) as server:
        yield Site(server, upstream, mirror_port, secure_port, authority.ca_file)


@contextmanager
def upstream_gone(site: Site) -> Iterator[None]:
    """The upstream is stopped inside the block; after it, the server asks it again."""
    site.upstream.stop()
    try:
        yield
    finally:
        site.upstream.start()
        _wait_until_asked(site)


def _wait_until_asked(site: Site) -> None:
    """Return once the server knows that the upstream is back; until then it spares it for some seconds."""
    deadline = time.monotonic() + _BACK
    while site.server.get(f"/v2/hub/probe/p{time.monotonic_ns()}/manifests/1").status != 404:
        assert time.monotonic() < deadline, "the upstream is back, and is not asked again"
        threading.Event().wait(0.05)
