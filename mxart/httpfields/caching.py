"""Cache-Status (RFC 9211): how the cache handled a request, told to whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CACHE = "mxart"  # the name of this cache in the list that every cache on the way appends to

Forward = Literal["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]


def hit(ttl: float | None = None) -> str:
    """Answered from the cache; ``ttl``: seconds of freshness left, negative when stale, None for no say (§2.1, §2.5).

    >>> hit(60), hit()
    ('mxart; hit; ttl=60', 'mxart; hit')
    """
    return _field({"hit": True, "ttl": None if ttl is None else int(ttl)})


def forwarded(reason: Forward, status: int = 0, *, stored: bool = False, collapsed: bool = False) -> str:
    """Asked of an upstream because of ``reason`` (§2.2); ``status``: what it answered, 0 when nothing (§2.3).

    ``stored``: the answer was kept (§2.6). ``collapsed``: it came with another request's (§2.7).

    >>> forwarded("miss", stored=True), forwarded("stale", 503)
    ('mxart; fwd=miss; stored', 'mxart; fwd=stale; fwd-status=503')
    """
    return _field({"fwd": reason, "fwd-status": status or None, "stored": stored, "collapsed": collapsed})


def _field(parameters: Mapping[str, str | int | None]) -> str:
    parts = [CACHE]
    for name, value in parameters.items():
        if value is True:
            parts.append(name)
        elif value is not None and value is not False:
            parts.append(f"{name}={value}")
    return "; ".join(parts)
