"""What one worker serves: every repository at its places, and the server's own pages and API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mxart import __version__
from mxart.access.bootstrap import token_key
from mxart.access.identify import Access
from mxart.access.tokens import Tokens
from mxart.api.health import Ready, health
from mxart.api.repositories import Repositories
from mxart.api.routes import Router
from mxart.api.token import Token
from mxart.api.why import Explanation, Why
from mxart.assembly.mounting import Mounting
from mxart.assembly.stacks import Ground, Stacks
from mxart.assembly.stores import check_room, home, open_store, prepare
from mxart.assembly.views import view
from mxart.errors import MxartError, StoreFull
from mxart.model import Principal, Request
from mxart.repository.single_flight import SingleFlight
from mxart.server import failures, workers
from mxart.server.explain import explain
from mxart.server.mounts import MountTable
from mxart.settings import Settings
from mxart.store import Store
from mxart.upstream.client import Curl
from mxart.web.assets import static
from mxart.web.front import FrontPage, RepositoryView

_SERVED_EVERY = 30.0  # seconds between writes of access times
_LAST_DOWNLOADS = 3.0  # seconds that those without a client get to end; what cannot be resumed is not asked for twice


def serve(load: Callable[[], Settings]) -> int:
    """Serve until told to stop. Returns the exit code. ``load`` is called again at each reload."""
    return workers.run(load, Site, prepare)


class Site:
    """What one worker serves (`server.Application`). Opens nothing before `start`."""

    pseudonym: str
    mounts: MountTable

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._curl = Curl()
        self._stores: dict[str, Store] = {}
        self._flights: dict[str, SingleFlight] = {}
        self._stacks: Stacks | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._stores = {name: open_store(settings) for name, settings in self._settings.stores.items()}
        self._flights = {name: SingleFlight(store) for name, store in self._stores.items()}
        index = self._stores[home(self._settings).name].index
        instance = await index.note("instance") or b"unknown"
        self.pseudonym = f"mxart-{instance.decode()}"
        access = Access(index, self._settings.access.anonymous, Tokens(await token_key(index)))
        ground = Ground(stores=self._stores, flights=self._flights, curl=self._curl, pseudonym=self.pseudonym)
        self._stacks = stacks = Stacks(self._settings.repositories, ground)
        mounting = Mounting(self._settings, stacks, access)
        self.mounts = mounting.table(self._own(access, mounting))
        self._tasks.append(asyncio.create_task(self._note_served(), name="note what was served"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(flights.close(_LAST_DOWNLOADS) for flights in self._flights.values()))
        if self._stacks is not None:
            await self._stacks.close()
        self._curl.close()
        for store in self._stores.values():
            await store.index.close()

    async def _note_served(self) -> None:
        while True:
            await asyncio.sleep(_SERVED_EVERY)
            for store in self._stores.values():
                with suppress(StoreFull):  # a time is no reason to stop
                    await store.index.flush_served()

    # --- the server's own ---

    def _own(self, access: Access, mounting: Mounting) -> Router:
        def visible(request: Request) -> list[RepositoryView]:
            names = access.readable(request.principal, [r.name for r in self._settings.repositories])
            return [view(r, self._settings, request.base_url) for r in self._settings.repositories if r.name in names]

        def told(error: MxartError) -> tuple[int, dict[str, str]]:
            return failures.status_of(error), failures.headers_of(error)

        token = Token(access, mounting.resolve, told)
        return Router(
            identify=access.login,  # a token is good for what it names, and that is none of these
            failures=told,
            routes={
                "": FrontPage(visible, __version__),
                "-/health": health,
                "-/ready": Ready(self._check_ready),
                "-/api/v1/why": Why(self._explain),
                "-/api/v1/repositories": Repositories(visible),
                "-/ui/static/*": static,
            },
            doors={"-/token": token, "POST -/token": token},
        )

    async def _check_ready(self) -> None:
        """Raises MxartError when requests could not be served well."""
        for name, store in self._stores.items():
            await store.index.note("instance")
            check_room(name, store.path)

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
