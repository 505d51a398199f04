"""What lies at the root of many repositories: no package of any, but the names of all that they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from mxart.contract import Context, Ingest, Publication, Repository
from mxart.errors import NotFound, Unsupported
from mxart.model import Child, Content, Entry, Principal, Resource

Mounted = tuple[str, Repository]  # where it lies below the root, no slash at either end; and the repository


class Directory:
    """`contract.Repository` that holds nothing itself, and names the packages of those below it."""

    def __init__(self, root: str, mounted: Iterable[Mounted], readable: Callable[[Principal, str], bool]) -> None:
        """``readable``: whether somebody may list a repository, by its name."""
        self.name = root
        self._mounted = tuple(mounted)
        self._readable = readable

    async def packages(self, context: Context) -> Collection[str]:
        """Each below the place of its repository; only those of repositories that the principal may list."""
        found: list[str] = []
        for place, repository in self._mounted:
            if self._readable(context.principal, repository.name):
                found += (f"{place}/{package}" for package in await repository.packages(context))
        return found

    async def get(self, resource: Resource, context: Context) -> Content:
        raise self._nothing(resource)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return ()

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        return ()

    async def owns(self, resource: Resource) -> bool:
        return False

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        raise Unsupported(f"nothing is published at {self.name} itself, but to a repository below it")

    async def publish(self, publication: Publication, context: Context) -> bool:
        raise Unsupported(f"nothing is published at {self.name} itself, but to a repository below it")

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
        raise Unsupported(f"nothing stands at {self.name} itself, but in the repositories below it")

    def _nothing(self, resource: Resource) -> NotFound:
        name = resource.package.partition("/")[0]
        return NotFound(
            f"no repository is served at {self.name}/{name}: names begin with that of a repository, and GET / lists "
            "the repositories"
        )
