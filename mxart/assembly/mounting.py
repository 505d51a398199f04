"""Who answers where: every repository at its places, and what lies at the root of those of one format."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, urlencode

from mxart.access.identify import Access
from mxart.api.token import CATALOG
from mxart.assembly.stacks import Stacks
from mxart.errors import Invalid, NotFound
from mxart.formats import FORMATS, mount_path
from mxart.httpfields import targets
from mxart.model import Request
from mxart.registration import FormatFactory
from mxart.repository.directory import Directory
from mxart.server import Handler, Match
from mxart.server.dispatch import RepositoryHandler, meant_by
from mxart.server.mounts import REGISTRY, MountTable, Namespace, namespace_of
from mxart.settings import RepositorySettings, Settings


class Mounting:
    """The handlers of all repositories of a configuration, and the way from a name to one of them."""

    def __init__(self, settings: Settings, stacks: Stacks, access: Access) -> None:
        self._settings = settings
        self._repositories = settings.repositories
        self._stacks = stacks
        self._access = access
        self._table: MountTable | None = None

    def table(self, own: Handler) -> MountTable:
        """The mounts of the server; ``own`` answers what is in no repository."""
        handlers = {repository.name: self._handler(repository) for repository in self._repositories}
        bound = {(h.listener, h.host): r for r in self._repositories for h in r.hosts}
        self._table = MountTable(
            own,
            {_path_of(r): handlers[r.name] for r in self._repositories if r.base_url},
            {place: handlers[r.name] for place, r in bound.items() if not FORMATS[r.format].root},
            registries={place: handlers[r.name] for place, r in bound.items() if FORMATS[r.format].root},
            registry=self._root(),
            namespaces=self._namespaces(handlers),
        )
        return self._table

    def resolve(self, request: Request, package: str) -> tuple[str, str] | None:
        """The repository that has a package whose name begins at the root, as ``request`` came in; and a glob on all
        paths of that package there. None when there is none."""
        factory = _rooted()
        meant = meant_by(self._find(factory.root, request, factory.path_of(package)))
        if meant is None:
            return None
        handler, resource = meant
        return handler.repository.name, f"{resource.package}{handler.format.border}*"

    # --- handlers

    def _handler(self, settings: RepositorySettings) -> RepositoryHandler:
        stack = self._stacks.stack(settings.name)
        limit = settings.max_body_size
        return RepositoryHandler(
            format=stack.format,
            repository=stack.repository,
            gate=self._access,
            body_limit=self._settings.server.max_body_size if limit is None else limit,
            elsewhere=partial(self._find, FORMATS[settings.format].root),
        )

    def _root(self) -> RepositoryHandler:
        """Who answers at the root of the container repositories, and lists what is in all of them."""
        factory = _rooted()
        mounted = [
            (r.base_url.strip("/"), self._stacks.stack(r.name).repository)
            for r in self._repositories
            if FORMATS[r.format] is factory and r.base_url
        ]
        format_ = factory.build(factory.settings())
        directory = Directory(factory.root, mounted, lambda who, name: self._access.may(who, "read", name, CATALOG))
        limit = self._settings.server.max_body_size  # who may not send anything there is told that, not that it is much
        return RepositoryHandler(format=format_, repository=directory, gate=self._access, body_limit=limit)

    def _namespaces(self, handlers: dict[str, RepositoryHandler]) -> dict[str, Namespace]:
        """Each name → the first proxy that has it. A path that leads to another one, which somebody has set up for the
        same registry, means that one; and one that is reached through groups only is not reached past their rules."""
        meant: dict[str, RepositorySettings] = {}
        within: dict[str, set[str]] = {}
        for repository in self._repositories:
            if repository.kind != "proxy":
                continue
            bases = [_path_of(r) for r in (repository, *self._around(repository)) if r.base_url]
            for name in FORMATS[repository.format].namespaces(self._stacks.stack(repository.name).options):
                within.setdefault(name, set()).update(bases)
                if repository.base_url or repository.hosts:
                    meant.setdefault(name, repository)
        return {
            name: Namespace(handlers[repository.name], frozenset(within[name])) for name, repository in meant.items()
        }

    def _around(self, repository: RepositorySettings) -> Iterator[RepositorySettings]:
        """The groups that it is in, at any depth."""
        for group in self._repositories:
            if repository.name in group.members:
                yield group
                yield from self._around(group)

    # --- from a name to a handler

    def _find(self, root: str, request: Request, path: str) -> Match | None:
        """Who has a path below the root, on the host that ``request`` came by, in the namespace that it names."""
        assert self._table is not None  # no request comes before the table is made
        namespace = namespace_of(request.query)
        query = f"?{urlencode({'ns': namespace})}" if namespace else ""
        try:
            target = targets.parse(f"{root}/{quote(path, safe='/:@')}{query}")
            return self._table.match(request.listener, request.host, target)
        except (Invalid, NotFound):
            return None


def _path_of(repository: RepositorySettings) -> str:
    return mount_path(repository.format, repository.base_url)


def _rooted() -> FormatFactory:
    """The format whose clients know no other root than `REGISTRY`."""
    return next(factory for factory in FORMATS.values() if factory.root == REGISTRY)
