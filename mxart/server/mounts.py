"""Which handler answers where: host bindings and base URLs. Pure matching.

=====================================  ===========================================================================
``/-/…``, on every listener and host   the server's own handler
a bound (listener, host name)          its handler, with the whole path
``/`` alone                            the server's own handler
below a base URL (``/go-public``)      its handler, with the path below it, on every listener and host not bound
=====================================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mxart.errors import NotFound
from mxart.httpfields.targets import Target, decode
from mxart.server import Handler, Match

__all__ = ["ANY_HOST", "Match", "MountTable", "host_name"]

ANY_HOST = "*"  # in a binding: every name of the listener that no other binding takes

_NO_HOSTS: Mapping[tuple[str, str], Handler] = MappingProxyType({})


class MountTable:
    """Every mount of a server. No base may lie under another one's, under ``/-`` or be ``/``."""

    __slots__ = ("_bases", "_depths", "_hosts", "_own")

    def __init__(
        self,
        own: Handler,
        bases: Mapping[str, Handler],
        hosts: Mapping[tuple[str, str], Handler] = _NO_HOSTS,
    ) -> None:
        """``own``: answers ``/-/…`` and ``/``. ``bases``: "/base/url" → handler. ``hosts``: (listener name, host name
        or "*") → handler."""
        self._own = own
        self._bases = dict(bases)
        self._hosts = {(listener, name.lower()): handler for (listener, name), handler in hosts.items()}
        self._depths = sorted({base.count("/") for base in bases})

    def match(self, listener: str, host: str, target: Target) -> Match:
        """Who answers ``target`` on ``host`` (as in a Host field) of ``listener``. Raises NotFound for nobody."""
        raw = target.raw_path
        if raw.startswith("/-/") or raw == "/-":
            return Match(self._own, "", target.path[1:], raw[1:])
        bound = self._bound(listener, host) if self._hosts else None
        if bound is not None:
            return Match(bound, "", target.path[1:], raw[1:], bound=True)
        if raw == "/":
            return Match(self._own, "", "", "")
        for depth in self._depths:
            found = self._below(depth, target)
            if found is not None:
                return found
        raise NotFound("No repository is served here; GET / lists those that are.")

    def _bound(self, listener: str, host: str) -> Handler | None:
        return self._hosts.get((listener, host_name(host))) or self._hosts.get((listener, ANY_HOST))

    def _below(self, depth: int, target: Target) -> Match | None:
        raw = target.raw_path
        end = 0
        for _ in range(depth):
            end = raw.find("/", end + 1)
            if end < 0:
                end = len(raw)
                break
        base, raw_rest = raw[:end], raw[end + 1 :]
        if "%" in base:
            base = decode(base)
        handler = self._bases.get(base)
        # an encoded slash is no segment border: /a%2Fb is not below a base /a/b
        if handler is None or not raw.count("/", 0, end) == base.count("/") == depth:
            return None
        return Match(handler, base, decode(raw_rest) if "%" in raw_rest else raw_rest, raw_rest)


def host_name(host: str) -> str:
    """The name or address in a Host field: lower case, without port and without a final dot.

    >>> host_name("Docker.Example.:5000"), host_name("[::1]:80")
    ('docker.example', '[::1]')
    """
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].rstrip(".").lower()
