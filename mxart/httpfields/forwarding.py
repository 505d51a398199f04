"""Forwarded (RFC 7239) and X-Forwarded-For, -Proto, -Host: how the client saw us, told by proxies that are trusted.

A word counts only as far as the chain of trusted proxies reaches: the entry that the outermost trusted proxy wrote
is believed, everything to its left came from the client and is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from mxart.errors import Invalid

UNIX = "unix"  # the peer on a unix socket; trusted when it is listed by this name

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PARAMETER = re.compile(r'[ \t]*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",; \t]*))[ \t]*(;|,|$)')
_MAX_HOPS = 32


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, and under which scheme and authority."""

    scheme: str  # "http" or "https"
    host: str  # name, port when it is not the usual one
    peer: str  # address of the client


class TrustedPeers:
    """The addresses and networks whose forwarding fields are believed."""

    __slots__ = ("_networks", "_unix", "trusts")

    def __init__(self, addresses: Sequence[str]) -> None:
        """Raises ValueError for a text that is neither an address, nor a network, nor "unix"."""
        self._unix = UNIX in addresses
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(a, strict=False) for a in addresses if a != UNIX]
        self.trusts = lru_cache(1024)(self._trusts)

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def _trusts(self, peer: str) -> bool:
        if peer == UNIX:
            return self._unix
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks)


@lru_cache(1024)
def check_host(host: str) -> str:
    """``host`` in lower case, known to be a name or address with or without a port.

    Raises Invalid: whatever passes is written into URLs that clients follow.
    """
    if not _HOST.fullmatch(host):
        raise Invalid("The Host field is not a host name or address with an optional port (RFC 9110 §7.2).")
    return host.lower()


def origin(direct: Origin, headers: Mapping[str, str], trusted: TrustedPeers) -> Origin:
    """How the client sees us: ``direct`` unless it is a trusted proxy that says otherwise.

    ``headers``: lower-case names, repeated fields joined by commas. What is malformed is not believed.
    """
    if not trusted or not trusted.trusts(direct.peer):
        return direct
    hops = _forwarded(headers["forwarded"]) if "forwarded" in headers else _x_forwarded(headers)
    if not hops:
        return direct
    hop = hops[_outermost(hops, trusted)]
    scheme = hop.get("proto", "").lower()
    host = hop.get("host", "")
    return Origin(
        scheme if scheme in ("http", "https") else direct.scheme,
        host.lower() if _HOST.fullmatch(host) else direct.host,
        _node(hop.get("for", "")) or direct.peer,
    )


def _outermost(hops: Sequence[Mapping[str, str]], trusted: TrustedPeers) -> int:
    """The place of the entry that the last proxy of the trusted chain, seen from here, has written."""
    index = len(hops) - 1
    while index and trusted.trusts(_node(hops[index].get("for", ""))):
        index -= 1
    return index


def _forwarded(field: str) -> list[dict[str, str]]:
    hops: list[dict[str, str]] = [{}]
    position = 0
    while match := _PARAMETER.match(field, position):
        name, quoted, plain, end = match.groups()
        hops[-1].setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
        position = match.end()
        if end == "":
            return hops[-_MAX_HOPS:]
        if end == ",":
            hops.append({})
    return []


def _x_forwarded(headers: Mapping[str, str]) -> list[dict[str, str]]:
    columns = {name: _items(headers.get(f"x-forwarded-{name}", "")) for name in ("for", "proto", "host")}
    if not any(columns.values()):
        return []
    hops = len(columns["for"]) or 1
    return [{name: _column(values, index, hops) for name, values in columns.items()} for index in range(hops)]


def _column(values: Sequence[str], index: int, hops: int) -> str:
    if len(values) == hops:
        return values[index]
    # most proxies replace proto and host instead of appending: then the last word is the trusted one's
    return values[-1] if values else ""


def _items(field: str) -> list[str]:
    return [item.strip() for item in field.split(",")][-_MAX_HOPS:] if field else []


def _node(text: str) -> str:
    """The address of a node (RFC 7239 §6): port and brackets removed, "" for obfuscated and unknown ones."""
    candidates: Iterable[str] = (text.partition("]")[0].lstrip("["), text.rpartition(":")[0])
    for candidate in candidates:
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""
