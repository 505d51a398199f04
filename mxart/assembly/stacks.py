"""Repositories as stacks of layers: each built once in a worker, so that a group holds the very same that is served by
itself, and whoever asks one joins the downloads of the other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from mxart.contract import Format, Repository
from mxart.errors import StoreFull
from mxart.formats import FORMATS
from mxart.registration import FormatFactory
from mxart.repository.freshness import Lifetimes
from mxart.repository.group import Group, GroupParts
from mxart.repository.hosted import Hosted, HostedParts
from mxart.repository.proxy import Proxy, ProxyParts
from mxart.repository.renaming import Renaming
from mxart.repository.rules import Blocking, Canonical, Reserved, Yielding, matching
from mxart.repository.selective import Selective
from mxart.repository.single_flight import SingleFlight
from mxart.settings import CredentialSettings, Kind, RepositorySettings, UpstreamSettings
from mxart.store import Index, Store
from mxart.store.layout import scratch_folder
from mxart.upstream import Upstream
from mxart.upstream.breaker import Health
from mxart.upstream.build import build as build_upstream
from mxart.upstream.client import Curl
from mxart.upstream.redirects import host_of
from mxart.upstream.tools import ToolUpstream, build_tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all repositories of a worker stand on."""

    stores: Mapping[str, Store]
    flights: Mapping[str, SingleFlight]  # by store
    curl: Curl
    pseudonym: str  # of this server, to its upstreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A repository with its rules around it, and the format that speaks for it."""

    format: Format
    repository: Repository
    options: Any  # the format's settings; of a group with what follows from its members
    kinds: frozenset[Kind]  # of all repositories at its bottom: "proxy", "hosted"
    asks: Callable[[str], bool]  # package name → may it be asked of an upstream, as far as ``allow`` says?
    renamed: tuple[Canonical, ...]  # by what other names packages are asked for further inside


class Stacks:
    """The repositories of a configuration. Made, used and closed within one event loop."""

    def __init__(self, repositories: Sequence[RepositorySettings], ground: Ground) -> None:
        self._settings = {repository.name: _patterned(repository) for repository in repositories}
        self._ground = ground
        self._built: dict[str, Stack] = {}
        self._tools: list[ToolUpstream] = []

    def stack(self, name: str) -> Stack:
        """The repository of that name; its members have been built, too."""
        if name not in self._built:
            self._built[name] = self._build(self._settings[name])
        return self._built[name]

    async def close(self) -> None:
        """True after: no program runs any more in place of an upstream."""
        await asyncio.gather(*(tool.close() for tool in self._tools))

    def _build(self, settings: RepositorySettings) -> Stack:
        factory = FORMATS[settings.format]
        members = [self.stack(member) for member in settings.members]  # there are no circles: that was checked
        options = _combined(settings, factory, members) if members else settings.options
        if settings.upstream is not None:
            options = factory.settled(options, settings.upstream)
        format_ = factory.build(options)
        repository = self._bottom(settings, format_, members)
        renamed = tuple(dict.fromkeys(canonical for member in members for canonical in member.renamed))
        if settings.block or settings.allow:
            repository = Blocking(repository, settings.block, settings.allow, renamed)
        if format_.renames:
            repository = Renaming(repository, format_)
            renamed = (*renamed, format_.canonical)
        kinds = frozenset[Kind]().union(*(member.kinds for member in members)) or frozenset((settings.kind,))
        asks = partial(_asks, settings, members)
        return Stack(format=format_, repository=repository, options=options, kinds=kinds, asks=asks, renamed=renamed)

    def _bottom(self, settings: RepositorySettings, format_: Format, members: Sequence[Stack]) -> Repository:
        """The repository without its own rules."""
        if settings.kind == "group":
            return self._group(settings, format_, members)
        store = self._ground.stores[settings.store]
        if settings.kind == "hosted":
            return Hosted(HostedParts(name=settings.name, format=format_, store=store))
        assert settings.upstream is not None  # a proxy has one: the configuration was checked
        return Proxy(
            ProxyParts(
                name=settings.name,
                format=format_,
                upstreams=self._upstreams(settings, settings.upstream),
                store=store,
                flights=self._ground.flights[settings.store],
                lifetimes=Lifetimes(settings.ttl, settings.negative_ttl),
                label=host_of(settings.upstream.url) or settings.upstream.tool,
                retries=settings.upstream.retries,
            )
        )

    # --- groups ---

    def _group(self, settings: RepositorySettings, format_: Format, members: Sequence[Stack]) -> Repository:
        ruled = _ruled(settings, format_, members)
        return Group(
            GroupParts(
                name=settings.name,
                format=format_,
                members=ruled,
                publish_to=next((member for member in ruled if member.name == settings.publish_to), None),
                store=self._ground.stores[settings.store],
            )
        )

    # --- upstreams ---

    def _upstreams(self, settings: RepositorySettings, own: UpstreamSettings) -> Mapping[str, Upstream]:
        """The repository's own upstream, and those that its format's settings name."""
        factory = FORMATS[settings.format]
        further = factory.upstreams(settings.options)
        own = replace(own, url=factory.upstream_url(own.url)) if own.url else own
        named = {"": own} | {name: _elsewhere(own, url) for name, url in further.items()}
        return {name: self._upstream(settings, name, upstream) for name, upstream in named.items()}

    def _upstream(self, settings: RepositorySettings, name: str, upstream: UpstreamSettings) -> Upstream:
        store = self._ground.stores[settings.store]
        key = f"upstream {settings.name} {name}"
        slots, turn = store.locks.slots(key, upstream.max_connections), store.locks.slots(f"turn {key}", 1)
        if upstream.tool:
            tool = FORMATS[settings.format].tool(upstream.tool, upstream, settings.options)
            self._tools.append(ToolUpstream(settings.name, tool, upstream, scratch_folder(store.path)))
            return build_tool(self._tools[-1], slots, turn)
        return build_upstream(
            upstream,
            curl=self._ground.curl,
            slots=slots,
            turn=turn,
            health=NotedHealth(store.index, f"health {key}"),
            via=self._ground.pseudonym,
        )


class NotedHealth:
    """What all workers know of an upstream, as a note in the index (`upstream.breaker.HealthRecord`)."""

    def __init__(self, index: Index, name: str) -> None:
        self._index = index
        self._name = name

    async def load(self) -> Health:
        note = await self._index.note(self._name)
        return Health() if note is None else Health(**json.loads(note))

    async def save(self, health: Health) -> None:
        with suppress(StoreFull):  # then each worker finds out for itself
            await self._index.put_note(self._name, json.dumps(asdict(health)).encode())


def _patterned(settings: RepositorySettings) -> RepositorySettings:
    """With the globs that its rules mean."""
    factory = FORMATS[settings.format]

    def meant(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(factory.pattern(text) for text in texts)

    return replace(
        settings,
        block=meant(settings.block),
        allow=meant(settings.allow),
        exclusive={member: meant(texts) for member, texts in settings.exclusive.items()},
        shared_names=meant(settings.shared_names),
    )


def _combined(settings: RepositorySettings, factory: FormatFactory, members: Sequence[Stack]) -> Any:
    taker = next((member.options for member in members if member.repository.name == settings.publish_to), None)
    return factory.combined(settings.options, [member.options for member in members], taker)


def _asks(settings: RepositorySettings, members: Sequence[Stack], package: str) -> bool:
    if settings.allow and matching(package, settings.allow) is None:
        return False
    return settings.kind == "proxy" or any(member.asks(package) for member in members)


def _left_to(member: Stack, members: Sequence[Stack], package: str) -> str | None:
    """Which of the other members may ask for what this one may not."""
    if member.asks(package):
        return None
    return next((other.repository.name for other in members if other.asks(package)), None)


def _ruled(settings: RepositorySettings, format_: Format, members: Sequence[Stack]) -> list[Repository]:
    """The members of a group with its rules around each.

    What is exclusive to one member no other owns; so that comes before ownership. Only a member that asks others can
    have reason to give way, and only to one to which something can be published.
    """
    ruled: list[Repository] = [
        Selective(member.repository, partial(_left_to, member, members))
        if "proxy" in member.kinds
        else member.repository
        for member in members
    ]
    if settings.exclusive:
        ruled = [
            Reserved(repository, settings.exclusive, member.renamed)
            for repository, member in zip(ruled, members, strict=True)
        ]
    hosting = [repository for repository, member in zip(ruled, members, strict=True) if "hosted" in member.kinds]
    for number, member in enumerate(members):
        owners = [repository for repository in hosting if repository.name != member.repository.name]
        if "proxy" in member.kinds and owners:
            ruled[number] = Yielding(ruled[number], owners, settings.shared_names, format_)
    return ruled


def _elsewhere(own: UpstreamSettings, url: str) -> UpstreamSettings:
    """Another upstream, reached the same way; with the credentials only where it lies below the first, whose they are.

    So is a checksum database that a proxy with a password passes on.
    """
    auth = own.auth if url.startswith(f"{own.url}/") else CredentialSettings()
    return replace(own, url=url, tool="", auth=auth, auth_hosts={})
