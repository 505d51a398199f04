"""Which handler answers where: host bindings, base URLs, and ``/v2/`` of the container engines. Pure matching.

=====================================  ===========================================================================
``/-/…``, on every listener and host   the server's own handler
a bound (listener, host name)          its handler, with the whole path
``/v2/…`` of a registry's host name    its handler, with the path below ``/v2/``; what else that host is asked for goes
                                       on below as on a host that is not bound
``/`` alone                            the server's own handler
``/v2/…?ns=docker.io``                 the handler of that namespace, with the path below ``/v2/``, unless the path
                                       itself leads to that repository, to another one that stands in for the same
                                       registry, or to a group that one of them is in
below a base URL (``/go-public``)      its handler, with the path below it, on every listener and host not bound
whatever else is below ``/v2/``        the handler of the registry itself, which answers ``/v2/`` and its
                                       ``_catalog``, and says in the words of container engines what is not there
=====================================  ===========================================================================

A container engine takes the first part of an image's name for the host, and asks that host below ``/v2/``, nowhere else
(OCI Distribution Specification, "Endpoints"). So the base URLs of container repositories begin with ``/v2/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from mxart.errors import NotFound
from mxart.httpfields.targets import Target, decode
from mxart.server import Handler, Match

__all__ = ["ANY_HOST", "REGISTRY", "Match", "MountTable", "Namespace", "host_name", "namespace_of"]

ANY_HOST = "*"  # in a binding: every name of the listener that no other binding takes
REGISTRY = "/v2"  # where container engines ask

_SPECIAL = ("/-", "/v", "/%")  # how a raw path may begin that is not simply some base's: one look for all others
_MOST_FIELDS = 32  # of a query in which a namespace is looked for


@dataclass(frozen=True, slots=True)
class Namespace:
    """The repository that stands in for a registry, which containerd names in ``?ns=`` when it asks a mirror."""

    handler: Handler
    within: frozenset[str]  # the bases of all through which a path may lead to it, or to another that stands in for the
    #                         same registry: their own, their groups'


@dataclass(frozen=True, slots=True)
class _Binding:
    handler: Handler
    whole: bool  # the whole host, not just what is below /v2/


_NONE: Mapping[tuple[str, str], Handler] = MappingProxyType({})
_NO_NAMESPACES: Mapping[str, Namespace] = MappingProxyType({})


class MountTable:
    """Every mount of a server. No base may lie under another one's, under ``/-`` or be ``/`` or ``/v2``."""

    __slots__ = ("_bases", "_bindings", "_depths", "_namespaces", "_own", "_registry_depths", "_whole", "registry")

    def __init__(
        self,
        own: Handler,
        bases: Mapping[str, Handler],
        hosts: Mapping[tuple[str, str], Handler] = _NONE,
        *,
        registry: Handler | None = None,
        registries: Mapping[tuple[str, str], Handler] = _NONE,
        namespaces: Mapping[str, Namespace] = _NO_NAMESPACES,
    ) -> None:
        """``own``: answers ``/-/…`` and ``/``. ``bases``: "/base/url" → handler. ``registry``: answers what is below
        ``/v2/`` and in no repository; None: nobody does. ``hosts`` and ``registries``: (listener name, host name or
        "*") → handler, of the whole host or of ``/v2/…`` there; none may be in both. ``namespaces``: what ``?ns=`` says
        → whom it means."""
        self._own = own
        self.registry = registry
        self._bases = dict(bases)
        self._bindings = _lower(hosts, whole=True) | _lower(registries, whole=False)
        self._whole = bool(hosts)
        self._namespaces = dict(namespaces)
        self._depths = _depths([base for base in bases if not base.startswith(f"{REGISTRY}/")])
        self._registry_depths = _depths([base for base in bases if base.startswith(f"{REGISTRY}/")])

    def match(self, listener: str, host: str, target: Target) -> Match:
        """Who answers ``target`` on ``host`` (as in a Host field) of ``listener``. Raises NotFound for nobody."""
        raw, image = target.raw_path, None
        if raw.startswith(_SPECIAL):
            if raw.startswith("/-/") or raw == "/-":
                return Match(self._own, "", target.path[1:], raw[1:])
            image = _below_registry(raw)
        if self._whole or image is not None:
            bound = self._bound(listener, host)
            if bound is not None and bound.whole:
                return Match(bound.handler, "", target.path[1:], raw[1:], bound=True)
            if image is not None:
                return self._image(bound, image, target)
        if raw == "/":
            return Match(self._own, "", "", "")
        for depth in self._depths:
            found = self._below(depth, target)
            if found is not None:
                return found
        raise NotFound("No repository is served here; GET / lists those that are.")

    def binds(self, listener: str, host: str) -> bool:
        """Is that very name bound, not just every name of the listener?"""
        return (listener, host_name(host)) in self._bindings

    def _bound(self, listener: str, host: str) -> _Binding | None:
        return self._bindings.get((listener, host_name(host))) or self._bindings.get((listener, ANY_HOST))

    def _image(self, bound: _Binding | None, raw: str, target: Target) -> Match:
        """Who answers what is left below ``/v2/``, ``raw`` as it was sent."""
        path = target.path[len("/v2/") :]
        if bound is not None:
            return Match(bound.handler, REGISTRY, path, raw, bound=True)
        if path in ("", "_catalog"):
            return self._at_root(path, raw)
        found = next(filter(None, (self._below(depth, target) for depth in self._registry_depths)), None)
        name = namespace_of(target.query) if self._namespaces and "ns=" in target.query else ""
        meant = self._namespaces.get(name)
        # a mirror that is set up by its path (override_path in hosts.toml) is sent the namespace all the same
        if meant is not None and (found is None or found.base not in meant.within):
            return Match(meant.handler, REGISTRY, path, raw, namespace=name)
        return found or self._at_root(path, raw)

    def _at_root(self, path: str, raw: str) -> Match:
        if self.registry is None:
            raise NotFound("No container repository is served here; GET / lists the repositories.")
        return Match(self.registry, REGISTRY, path, raw)

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


def _lower(bound: Mapping[tuple[str, str], Handler], *, whole: bool) -> dict[tuple[str, str], _Binding]:
    return {(listener, name.lower()): _Binding(handler, whole) for (listener, name), handler in bound.items()}


def _depths(bases: Sequence[str]) -> list[int]:
    return sorted({base.count("/") for base in bases})


def _below_registry(raw_path: str) -> str | None:
    """What is left below ``/v2/``, as it was sent; "" for ``/v2`` itself, None for what lies elsewhere."""
    first, _, rest = raw_path[1:].partition("/")
    return rest if first == "v2" or ("%" in first and decode(first) == "v2") else None


def namespace_of(query: str) -> str:
    """What ``ns`` says in a query, the first time; "" when it is not there, or the query is too long to look."""
    try:
        fields = parse_qsl(query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return next((value for name, value in fields if name == "ns"), "")
