"""The keys of ``[[repository]]`` that only container repositories have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mxart.errors import Invalid
from mxart.units import parse_duration

UPSTREAM = "upstream"  # in ``namespaces``: the host of the upstream
DOCKER_HUB = "docker.io"
DOCKER_HUB_HOST = "registry-1.docker.io"

_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST, "hub.docker.com", "registry.hub.docker.com"})
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::[0-9]{1,5})?")
_TAG_GLOB = re.compile(r"[a-zA-Z0-9_.*?\[\]!-]{1,128}")
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSettings:
    """``namespaces``: the names that containerd's ``?ns=`` may say to mean this proxy; "upstream" stands for the host
    of the upstream. ``tag_ttl``: globs on tags → for how long they are fresh, the first that matches counts.
    ``immutable_tags``: globs on tags that never move. ``sparse_indexes``: whether an index may be pushed whose
    manifests are not all here.

    Making one raises Invalid for what cannot be right.
    """

    namespaces: tuple[str, ...] = field(default=(UPSTREAM,), metadata={"kinds": ("proxy",)})
    tag_ttl: Mapping[str, str] = field(default_factory=lambda: _NONE, metadata={"kinds": ("proxy",)})
    immutable_tags: tuple[str, ...] = field(default=(), metadata={"kinds": ("hosted", "group")})
    sparse_indexes: bool = field(default=False, metadata={"kinds": ("hosted", "group")})

    def __post_init__(self) -> None:
        for name in self.namespaces:
            if not _NAMESPACE.fullmatch(name):
                raise Invalid(f'{name!r} is no namespace: want the host of a registry, such as "docker.io".')
        for pattern, text in self.tag_ttl.items():
            _check_glob(pattern, "tag_ttl")
            try:
                parse_duration(text)
            except ValueError as error:
                raise Invalid(f"tag_ttl of {pattern!r}: {error}") from error
        for pattern in self.immutable_tags:
            _check_glob(pattern, "immutable_tags")

    @property
    def is_docker_hub(self) -> bool:
        """Does it have the official images of Docker Hub, whose names clients may shorten?"""
        return DOCKER_HUB in self.namespaces


def _check_glob(pattern: str, key: str) -> None:
    if not _TAG_GLOB.fullmatch(pattern):
        raise Invalid(f'{pattern!r} in {key} is no glob on tags: want such as "latest", "v*", "[0-9]*".')


def registry_host(host: str) -> str:
    """The host where the registry of that name answers: Docker Hub has several names, and one that serves images."""
    return DOCKER_HUB_HOST if _plain(host) in _HUB_ALIASES else host


def namespace_of(host: str) -> str:
    """What images of a registry at ``host`` are called after.

    >>> namespace_of("registry-1.docker.io"), namespace_of("quay.io")
    ('docker.io', 'quay.io')
    """
    return DOCKER_HUB if _plain(host) in _HUB_ALIASES else _plain(host)


def _plain(host: str) -> str:
    """In lower case, without the port that need not be said."""
    return host.lower().removesuffix(":443")
