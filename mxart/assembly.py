"""Settings become a site: the only file that names concrete classes.

`prepare` runs once in a process of its own before any worker; `Site` is built in each worker, after the fork.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from mxart import __version__
from mxart.access.bootstrap import first_admin
from mxart.access.identify import Access
from mxart.api.health import Ready, health
from mxart.api.repositories import Repositories
from mxart.api.routes import Router
from mxart.api.why import Explanation, Why
from mxart.contract import Format, Repository
from mxart.errors import StoreFull, Unavailable
from mxart.formats import FORMATS
from mxart.model import Principal, Request
from mxart.repository.freshness import Lifetimes
from mxart.repository.proxy import Proxy, ProxyParts
from mxart.repository.rules import Blocking
from mxart.repository.single_flight import SingleFlight
from mxart.server import failures, workers
from mxart.server.dispatch import RepositoryHandler
from mxart.server.explain import explain
from mxart.server.mounts import ANY_HOST, MountTable
from mxart.settings import CredentialSettings, RepositorySettings, Settings, StoreSettings, UpstreamSettings
from mxart.store import Index, Store
from mxart.store.blobs import FileBlobs
from mxart.store.index import LmdbIndex
from mxart.store.layout import admin_password_path, index_folder, locks_folder, make_folders
from mxart.store.locks import FileLocks
from mxart.upstream import Upstream
from mxart.upstream.breaker import Health
from mxart.upstream.build import build as build_upstream
from mxart.upstream.client import Curl
from mxart.web.assets import static
from mxart.web.front import FrontPage, RepositoryView

log = logging.getLogger("mxart")

_SERVED_EVERY = 30.0  # seconds between writes of access times
_LAST_DOWNLOADS = 3.0  # seconds that those without a client get to end; what cannot be resumed is not asked for twice
_LEAST_FREE = 16 * 1024 * 1024  # bytes of disk without which a server is not ready


def serve(load: Callable[[], Settings]) -> int:
    """Serve until told to stop. Returns the exit code. ``load`` is called again at each reload."""
    return workers.run(load, Site, prepare)


def prepare(settings: Settings) -> None:
    """Every store exists and has what a first start makes; run before any worker. Raises OSError, MxartError."""
    asyncio.run(_prepare(settings))


async def _prepare(settings: Settings) -> None:
    for store_settings in settings.stores.values():
        _make(store_settings)
        store = open_store(store_settings)
        try:
            if await store.index.note("instance") is None:
                await store.index.put_note("instance", secrets.token_hex(8).encode())
            if store_settings == home(settings):
                await _first_start(store)
        finally:
            await store.index.close()


def _make(settings: StoreSettings) -> None:
    """The store's folders exist, and an index that is still to come has room. Raises Unavailable, StoreFull."""
    try:
        make_folders(settings.path)
        is_new = not any(index_folder(settings.path).iterdir())
    except OSError as error:
        raise Unavailable(
            f"the store {settings.name} cannot be kept in {settings.path}: {error.strerror}; "
            "want a folder in which this user may write"
        ) from error
    if is_new:
        _check_room(settings.name, settings.path)  # sooner, and in plainer words, than the first write would say it


def _check_room(name: str, path: Path) -> None:
    """Raises StoreFull when the disk of the store has next to no room left."""
    stat = os.statvfs(path)
    if stat.f_bavail * stat.f_frsize < _LEAST_FREE:
        raise StoreFull(f"the disk of the store {name} is full: free some space in {path}")


async def _first_start(store: Store) -> None:
    file = admin_password_path(store.path)
    if await first_admin(store.index, file, time.time()) is not None:
        log.warning("made the user admin; the password is in %s", file)


def home(settings: Settings) -> StoreSettings:
    """The store that holds what is the server's own, as its accounts."""
    return settings.stores.get("default") or next(iter(settings.stores.values()))


def open_store(settings: StoreSettings) -> Store:
    """The store, open in this process. Its folders exist already. Close its index when done."""
    return Store(
        path=settings.path,
        blobs=FileBlobs(settings.path),
        index=LmdbIndex(settings.path, settings.index_size),
        locks=FileLocks(locks_folder(settings.path)),
    )


class Site:
    """What one worker serves (`server.Application`). Opens nothing before `start`."""

    pseudonym: str
    mounts: MountTable

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._curl = Curl()
        self._stores: dict[str, Store] = {}
        self._flights: dict[str, SingleFlight] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._stores = {name: open_store(settings) for name, settings in self._settings.stores.items()}
        self._flights = {name: SingleFlight(store) for name, store in self._stores.items()}
        index = self._stores[home(self._settings).name].index
        instance = await index.note("instance") or b"unknown"
        self.pseudonym = f"mxart-{instance.decode()}"
        access = Access(index, self._settings.access.anonymous)
        handlers = {r.name: self._handler(r, access) for r in self._settings.repositories}
        self.mounts = MountTable(
            self._own(access),
            {r.base_url: handlers[r.name] for r in self._settings.repositories if r.base_url},
            {(h.listener, h.host): handlers[r.name] for r in self._settings.repositories for h in r.hosts},
        )
        self._tasks.append(asyncio.create_task(self._note_served(), name="note what was served"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(flights.close(_LAST_DOWNLOADS) for flights in self._flights.values()))
        self._curl.close()
        for store in self._stores.values():
            await store.index.close()

    async def _note_served(self) -> None:
        while True:
            await asyncio.sleep(_SERVED_EVERY)
            for store in self._stores.values():
                with suppress(StoreFull):  # a time is no reason to stop
                    await store.index.flush_served()

    # --- repositories ---

    def _handler(self, settings: RepositorySettings, access: Access) -> RepositoryHandler:
        factory = FORMATS[settings.format]
        format_ = factory.build(settings.options)
        limit = settings.max_body_size
        return RepositoryHandler(
            format=format_,
            repository=self._repository(settings, format_),
            gate=access,
            body_limit=self._settings.server.max_body_size if limit is None else limit,
        )

    def _repository(self, settings: RepositorySettings, format_: Format) -> Repository:
        assert settings.upstream is not None  # a proxy has one: the configuration was checked
        proxy = Proxy(
            ProxyParts(
                name=settings.name,
                format=format_,
                upstreams=self._upstreams(settings),
                store=self._stores[settings.store],
                flights=self._flights[settings.store],
                lifetimes=Lifetimes(settings.ttl, settings.negative_ttl),
                retries=settings.upstream.retries,
            )
        )
        return Blocking(proxy, settings.block, settings.allow) if settings.block or settings.allow else proxy

    def _upstreams(self, settings: RepositorySettings) -> Mapping[str, Upstream]:
        """The repository's own upstream, and those that its format's settings name."""
        own = settings.upstream
        assert own is not None  # a proxy has one: the configuration was checked
        further = FORMATS[settings.format].upstreams(settings.options)
        named = {"": own} | {name: _elsewhere(own, url) for name, url in further.items()}
        return {name: self._upstream(settings, name, upstream) for name, upstream in named.items()}

    def _upstream(self, settings: RepositorySettings, name: str, upstream: UpstreamSettings) -> Upstream:
        store = self._stores[settings.store]
        key = f"upstream {settings.name} {name}"
        return build_upstream(
            upstream,
            curl=self._curl,
            slots=store.locks.slots(key, upstream.max_connections),
            turn=store.locks.slots(f"turn {key}", 1),
            health=NotedHealth(store.index, f"health {key}"),
            via=self.pseudonym,
        )

    # --- the server's own ---

    def _own(self, access: Access) -> Router:
        def visible(request: Request) -> list[RepositoryView]:
            names = access.readable(request.principal, [r.name for r in self._settings.repositories])
            return [_view(r, self._settings, request.base_url) for r in self._settings.repositories if r.name in names]

        return Router(
            identify=access.identify,
            failures=lambda error: (failures.status_of(error), failures.headers_of(error)),
            routes={
                "": FrontPage(visible, __version__),
                "-/health": health,
                "-/ready": Ready(self._check_ready),
                "-/api/v1/why": Why(self._explain),
                "-/api/v1/repositories": Repositories(visible),
                "-/ui/static/*": static,
            },
        )

    async def _check_ready(self) -> None:
        """Raises MxartError when requests could not be served well."""
        for name, store in self._stores.items():
            await store.index.note("instance")
            _check_room(name, store.path)

    async def _explain(self, url: str, principal: Principal) -> Explanation:
        listeners = [listener.name for listener in self._settings.listeners]
        explained = await explain(url, principal, self.mounts, listeners)
        return Explanation(
            url=url,
            repository=explained.repository,
            status=explained.status,
            cache_status=explained.trail.cache_status,
            summary=explained.summary,
            trail=explained.trail.records(),
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


def _elsewhere(own: UpstreamSettings, url: str) -> UpstreamSettings:
    """Another upstream, reached the same way; with the credentials only where it lies below the first, whose they are.

    So is a checksum database that a proxy with a password passes on.
    """
    return replace(own, url=url, auth=own.auth if url.startswith(f"{own.url}/") else CredentialSettings())


def _view(repository: RepositorySettings, settings: Settings, root: str) -> RepositoryView:
    url = root + repository.base_url if repository.base_url else _host_url(repository, settings)
    return RepositoryView(
        name=repository.name,
        format=repository.format,
        kind=repository.kind,
        url=url,
        upstream=repository.upstream.url if repository.upstream else "",
        client_lines=tuple(FORMATS[repository.format].client_lines(url)) if url else (),
    )


def _host_url(repository: RepositorySettings, settings: Settings) -> str:
    """The URL of the first host name that leads to the repository; "" when only "*" does."""
    listeners = {listener.name: listener for listener in settings.listeners}
    for bound in repository.hosts:
        listener = listeners[bound.listener]
        port = next(filter(str.isdigit, (address.rpartition(":")[2] for address in listener.listen)), "")
        if bound.host != ANY_HOST and port:
            return f"{'https' if listener.tls else 'http'}://{bound.host}:{port}"
    return ""
