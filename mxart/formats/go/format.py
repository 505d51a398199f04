"""The `Format` of Go modules: which file of this folder answers which question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import BinaryIO

from mxart.contract import Context, Policy, Repository
from mxart.errors import Corrupt, MxartError, NotFound, Unauthenticated, Unsupported
from mxart.formats.go import documents, modzip, names, paths, sumdb, tiles, wire
from mxart.formats.go.paths import GoResource
from mxart.formats.go.publish import Publisher
from mxart.formats.go.settings import GoSettings
from mxart.model import Action, Content, Digest, Entry, Redirect, Request, Resource, Response

_READS = ("GET", "HEAD")
_WRITES = (*_READS, "PUT", "DELETE")  # of a version's files
_PARSED = 1024  # paths that are remembered with what they ask for, some KiB each at most
_MAX_SIZE: Mapping[str, int] = {
    "list": documents.MAX_LIST,
    "info": documents.MAX_RECORD,
    "latest": documents.MAX_RECORD,
    "mod": modzip.MAX_ROOT_FILE,
    "zip": modzip.MAX_ZIP,
    "staged-info": documents.MAX_RECORD,
    "staged-mod": modzip.MAX_ROOT_FILE,
    "sumdb-supported": 0,
    "sumdb-latest": sumdb.MAX_NOTE,
    "sumdb-lookup": sumdb.MAX_NOTE,
}
_INDEXES = frozenset({"list", "latest"})
_IMMUTABLE = frozenset({"mod", "zip", "sumdb-lookup", "sumdb-tile"})


class GoFormat:
    """Go modules over the GOPROXY protocol, and the checksum databases that the settings name."""

    name = "go"
    border = paths.BORDER
    renames = False
    ages = False

    def __init__(self, settings: GoSettings) -> None:
        databases = frozenset(settings.sumdb)
        self._allow_forks = settings.allow_forks
        # a fleet asks for the same files over and over, and parsing is a third of the work of answering from the cache
        self._parsed = lru_cache(maxsize=_PARSED)(lambda path: paths.parse(path, databases))

    def parse(self, request: Request) -> GoResource:
        """See `paths.parse`; the method is looked at by `answer`."""
        return self._parsed(request.path)

    def canonical(self, resource: Resource) -> Resource:
        """Itself: paths have one spelling."""
        return resource

    def policy(self, resource: Resource) -> Policy:
        """How it is kept: everything but a zip is given to readers only when it is whole and checked."""
        return _policy(_go(resource))

    def upstream_path(self, resource: Resource) -> str:
        return paths.upstream_path(_go(resource))

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        return ()

    def check(self, resource: Resource, file: BinaryIO) -> str:
        resource = _go(resource)
        file.seek(0)
        _CHECKS[resource.kind](resource, file)
        return ""

    def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
        """The union of lists, the latest of latests. Raises Unsupported for files, which are taken whole."""
        if resource.kind not in _MERGES:
            raise Unsupported(f"A .{resource.kind} of several repositories is not merged.")
        out.write(_MERGES[resource.kind](documents))

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        """The list or the latest of what is held whole. Raises NotFound when nothing is, Unsupported for files."""
        if resource.kind not in _GENERATORS:
            raise Unsupported(f"A .{resource.kind} is published, not generated.")
        out.write(_GENERATORS[resource.kind](_go(resource).module, entries))

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        """None: a version stays until somebody deletes it."""
        return ()

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """None: no rule is about ages."""
        return ()

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        """One read, publication or deletion. Raises Unsupported for what none of them is."""
        resource = _go(resource)
        if request.method in _READS:
            return await self._read(request, resource, repository, context)
        if resource.kind not in paths.VERSION_KINDS:
            raise Unsupported(f"{request.method} is not supported: this can only be read.", _READS)
        publisher = Publisher(repository, context, self._allow_forks, _MAX_SIZE)
        if request.method == "PUT":
            return await publisher.put(request, resource)
        if request.method == "DELETE":
            return await publisher.delete(resource)
        raise Unsupported(f"{request.method} is not supported: a version is published with PUT.", _WRITES)

    async def _read(self, request: Request, resource: GoResource, repository: Repository, context: Context) -> Response:
        if resource.kind == "sumdb-supported":
            return wire.supported()
        if wire.asks_for_held_only(request.headers):
            context.cached_only = True
        content = await _get(resource, repository, context)
        if isinstance(content, Redirect):
            return Response(content=content)  # the place may move, the content not
        return Response(content=content, headers={"Cache-Control": wire.cache_control(_is_immutable(resource))})

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        return error.challenge

    def failure(self, error: MxartError, status: int) -> Response:
        return wire.failure(error, status)


def _go(resource: Resource) -> GoResource:
    if not isinstance(resource, GoResource):
        raise TypeError(f"{resource!r} was not parsed by the Go format")
    return resource


async def _get(resource: GoResource, repository: Repository, context: Context) -> Content:
    if resource.tile is not None:
        return await tiles.get(resource, repository, context)
    try:
        return await repository.get(resource, context)
    except NotFound as error:
        if resource.kind != "sumdb-lookup":
            raise
        raise type(error)(wire.hint_private(error.message, resource.module)) from None


@lru_cache(maxsize=_PARSED)  # each layer of a group asks for it anew
def _policy(resource: GoResource) -> Policy:
    is_immutable = _is_immutable(resource)
    return Policy(
        immutable=is_immutable,
        media_type=wire.media_type(resource),
        max_size=resource.tile.size if resource.tile else _MAX_SIZE[resource.kind],
        document=resource.kind != "zip",
        index=resource.kind in _INDEXES,
        folder=paths.folder(resource.module),
        above=paths.above(resource),
        unit=paths.sibling(resource, "info") if is_immutable and resource.kind in paths.VERSION_KINDS else None,
    )


def _is_immutable(resource: GoResource) -> bool:
    """Whether what it names has one content for ever; of an info only that of a version, not of a branch."""
    if resource.kind == "info":
        return names.is_version_of(resource.module, resource.version)
    return resource.kind in _IMMUTABLE


def _read(file: BinaryIO, limit: int) -> bytes:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise _too_long(limit)
    return data


def _lines(file: BinaryIO, limit: int) -> Iterator[bytes]:
    left = limit
    while line := file.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise _too_long(limit)
        yield line


def _too_long(limit: int) -> Corrupt:
    return Corrupt(f"The document is longer than {limit} bytes.")


def _check_tile(resource: GoResource, file: BinaryIO) -> None:
    assert resource.tile is not None  # paths.tile
    sumdb.check_tile(file, resource.tile)


_CHECKS: Mapping[str, Callable[[GoResource, BinaryIO], None]] = {
    "list": lambda asked, file: documents.check_list(_read(file, documents.MAX_LIST)),
    "info": lambda asked, file: documents.check_info(_read(file, documents.MAX_RECORD), asked.module, asked.version),
    "latest": lambda asked, file: documents.check_latest(_read(file, documents.MAX_RECORD)),
    "mod": lambda asked, file: documents.check_gomod(_read(file, modzip.MAX_ROOT_FILE)),
    "zip": lambda asked, file: modzip.check(file, asked.module, asked.version),
    "sumdb-latest": lambda asked, file: sumdb.check_tree_head(file, asked.database),
    "sumdb-lookup": lambda asked, file: sumdb.check_lookup(file, asked.database, asked.module, asked.version),
    "sumdb-tile": _check_tile,
}
_MERGES: Mapping[str, Callable[[Sequence[BinaryIO]], bytes]] = {
    "list": lambda files: documents.merge_lists(_lines(file, documents.MAX_LIST) for file in files),
    "latest": lambda files: documents.merge_latest([_read(file, documents.MAX_RECORD) for file in files]),
}
_GENERATORS: Mapping[str, Callable[[str, Iterable[Entry]], bytes]] = {
    "list": documents.generate_list,
    "latest": documents.generate_latest,
}
