"""The `Format` of container registries: which file of this folder answers which question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import BinaryIO

from mxart.contract import Context, Policy, Repository
from mxart.errors import Gone, Invalid, MxartError, NotFound, Unauthenticated, Unsupported
from mxart.formats.docker import documents, names, paths, wire
from mxart.formats.docker.listing import Listing
from mxart.formats.docker.paths import DockerResource
from mxart.formats.docker.publish import Publisher
from mxart.formats.docker.settings import DockerSettings
from mxart.formats.docker.unused import unused
from mxart.formats.docker.uploads import Uploader
from mxart.model import Action, Blob, Content, Digest, Entry, Redirect, Request, Resource, Response
from mxart.units import parse_duration

_READS = ("GET", "HEAD")
_METHODS: Mapping[str, tuple[str, ...]] = {
    "manifest": (*_READS, "PUT", "DELETE"),
    "tag": (*_READS, "PUT", "DELETE"),
    "blob": (*_READS, "DELETE"),
}
_MAX_BLOB = 1 << 40  # bytes; a request is limited by max_body_size
_MAX_SIZE: Mapping[str, int] = {
    "manifest": documents.MAX_MANIFEST,
    "tag": documents.MAX_MANIFEST,
    "referrer": documents.MAX_MANIFEST,
    "tags": documents.MAX_INDEX,
    "referrers": documents.MAX_INDEX,
    "catalog": documents.MAX_INDEX,
}
_TYPED = frozenset({"manifest", "tag", "referrer"})
_INDEXES: Mapping[str, str] = {"tags": wire.JSON, "referrers": documents.OCI_INDEX}
_DIGEST_FIELD = "docker-content-digest"
_ACCEPT = ", ".join(documents.MEDIA_TYPES)
_OFFICIAL = "library/"  # where Docker Hub keeps the images whose names have one word
_PARSED = 1024  # paths that are remembered with what they ask for


class DockerFormat:
    """Container images and other artifacts, over the OCI distribution protocol."""

    name = "docker"
    border = paths.BORDER
    ages = False

    def __init__(self, settings: DockerSettings) -> None:
        self.renames = settings.is_docker_hub
        self._settings = settings
        self._ttls = [(glob, parse_duration(text)) for glob, text in settings.tag_ttl.items()]
        self._parsed = lru_cache(maxsize=_PARSED)(paths.parse)
        self._policy = lru_cache(maxsize=_PARSED)(self._made_policy)

    def parse(self, request: Request) -> DockerResource:
        """See `paths.parse`; the method is looked at by `answer`. Raises ManifestUnknown for what is asked for by a tag
        that none can have."""
        try:
            return self._parsed(request.path)
        except names.ReferenceInvalid as error:
            if request.method in _READS:
                raise wire.ManifestUnknown(error.message) from error
            raise

    def canonical(self, resource: Resource) -> Resource:
        """The image's whole name, where Docker Hub's official ones are meant."""
        image = resource.package
        if not self.renames or not image or "/" in image:
            return resource
        return replace(
            resource,
            path=f"{_OFFICIAL}{resource.path}",
            package=f"{_OFFICIAL}{image}",
        )

    def policy(self, resource: Resource) -> Policy:
        """How it is kept: everything but a blob is given to readers only when it is whole and checked."""
        return self._policy(_docker(resource))

    def _made_policy(self, resource: DockerResource) -> Policy:
        kind, image = resource.kind, resource.package
        by_digest = kind in ("manifest", "blob")
        return Policy(
            immutable=by_digest or (kind == "tag" and self._is_immutable(resource.tag)),
            media_type=_INDEXES.get(kind, documents.OCI_MANIFEST if kind in _TYPED else "application/octet-stream"),
            typed=kind in _TYPED,
            max_size=_MAX_SIZE.get(kind, _MAX_BLOB),
            digest=resource.digest if by_digest else None,
            document=kind in _MAX_SIZE,
            index=kind in _INDEXES,
            folder=paths.folder(image),
            above=() if "/" in image or not image else (paths.folder(f"{_OFFICIAL}{image}"),),
            within=paths.below(resource) if kind in _INDEXES else "",
            ttl=self._ttl(resource.tag) if kind == "tag" else None,
            accept=_ACCEPT if kind in ("manifest", "tag") else "",
            negotiated=True,
            paged=kind in _INDEXES,
            optional=kind == "referrers",
            probe=_DIGEST_FIELD if kind == "tag" else "",
        )

    def _is_immutable(self, tag: str) -> bool:
        return any(fnmatchcase(tag, glob) for glob in self._settings.immutable_tags)

    def _ttl(self, tag: str) -> float | None:
        return next((seconds for glob, seconds in self._ttls if fnmatchcase(tag, glob)), None)

    def upstream_path(self, resource: Resource) -> str:
        return paths.upstream_path(_docker(resource))

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        """What a tag names is asked for by its digest next."""
        resource = _docker(resource)
        return [paths.manifest(resource.package, digest)] if resource.kind == "tag" else []

    def check(self, resource: Resource, file: BinaryIO) -> str:
        resource = _docker(resource)
        file.seek(0)
        match resource.kind:
            case "manifest" | "tag":
                return documents.media_type(file.read(documents.MAX_MANIFEST + 1))
            case "tags":
                documents.read_tags(file.read(documents.MAX_INDEX + 1))
            case "referrers":
                documents.descriptors(file.read(documents.MAX_INDEX + 1))
        return ""

    def merge(self, resource: Resource, documents_: Sequence[BinaryIO], out: BinaryIO) -> None:
        """The union of tags, of referrers. Raises Unsupported for all else, which is taken whole."""
        resource = _docker(resource)
        data = (file.read(documents.MAX_INDEX + 1) for file in documents_)
        match resource.kind:
            case "tags":
                out.write(documents.merge_tags(resource.package, data))
            case "referrers":
                out.write(documents.merge_referrers(data))
            case _:
                raise Unsupported(f"{resource.title} of several repositories is not merged.")

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        """The list of tags, or of referrers. Raises NotFound when there are none, Unsupported for all else."""
        resource = _docker(resource)
        match resource.kind:
            case "tags":
                out.write(documents.generate_tags(resource.package, paths.below(resource), entries))
            case "referrers":
                out.write(documents.generate_referrers(entries))
            case _:
                raise Unsupported(f"{resource.title} is published, not generated.")

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        return unused(entries, trashed, before, read)

    # --- answers

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """None: no rule is about ages."""
        return ()

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        """One read, push or deletion. Raises Unsupported for what none of them is."""
        resource = _docker(resource)
        if resource.kind == "root":
            return wire.root(request)
        if resource.kind in ("uploads", "upload"):
            return await Uploader(repository, context, request, resource).answer()
        allowed = _METHODS.get(resource.kind, _READS)
        if request.method not in allowed:
            raise Unsupported(f"{request.method} is not supported here: want {', '.join(allowed)}.", allowed)
        if request.method == "PUT":
            return await self._publisher(repository, context).put(request, resource)
        if request.method == "DELETE":
            return await self._publisher(repository, context).delete(resource)
        response = await self._read(request, resource, repository, context)
        self._name_namespace(request, response)
        return response

    def _publisher(self, repository: Repository, context: Context) -> Publisher:
        return Publisher(repository, context, self._settings.sparse_indexes, self._is_immutable)

    async def _read(
        self, request: Request, resource: DockerResource, repository: Repository, context: Context
    ) -> Response:
        listing = Listing(repository, context, request)
        match resource.kind:
            case "tags":
                return await listing.tags(resource)
            case "referrers":
                return await listing.referrers(resource)
            case "catalog":
                return await listing.catalog()
            case "blob":
                return _described(await _get(resource, repository, context), resource)
        content = await _get(resource, repository, context)
        accept = request.headers.get("accept")
        if isinstance(content, Blob) and not wire.accepts(accept, content.media_type):
            content.close()
            raise wire.ManifestUnknown(
                f"{resource.title} is of the media type {content.media_type}, which the client does not accept: it "
                f"asks for {accept}"
            )
        return _described(content, resource)

    def _name_namespace(self, request: Request, response: Response) -> None:
        """containerd is told that its namespace was understood."""
        if "ns=" in request.query and (asked := wire.namespace(request.query)) in self._settings.namespaces:
            response.headers["OCI-Namespace"] = asked

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        try:
            resource = self._parsed(request.path)
        except (Invalid, NotFound):
            return wire.challenge(request, "")
        if resource.kind == "catalog":
            return wire.challenge(request, wire.CATALOG_SCOPE)
        wanted = [wire.scope(request.base_url, resource.package, action)] if resource.package else []
        if resource.kind == "uploads" and (source := wire.mounted_from(request.query)):
            wanted.append(f"repository:{source}:pull")
        return wire.challenge(request, " ".join(wanted))

    def failure(self, error: MxartError, status: int) -> Response:
        return wire.failure(error, status)


def _docker(resource: Resource) -> DockerResource:
    if not isinstance(resource, DockerResource):
        raise TypeError(f"{resource!r} was not parsed by the docker format")
    return resource


async def _get(resource: DockerResource, repository: Repository, context: Context) -> Content:
    try:
        return await repository.get(resource, context)
    except NotFound as error:
        kind = wire.BlobUnknown if resource.kind == "blob" else wire.ManifestUnknown
        why = f"it was deleted from {repository.name}" if isinstance(error, Gone) else error.message
        raise kind(why if resource.title in why else f"{resource.title}: {why}") from error


def _described(content: Content, resource: DockerResource) -> Response:
    """The answer with the fields that clients check it by."""
    headers = dict(wire.VERSION)
    digest = resource.digest
    if digest is None and isinstance(content, Blob):
        digest = documents.tagged_digest(content.facts) or content.digest
    if digest is not None:
        headers |= {"Docker-Content-Digest": str(digest), "ETag": f'"{digest}"'}
    if resource.digest is not None and not isinstance(content, Redirect):
        headers["Cache-Control"] = wire.FOR_EVER
    if resource.kind in _TYPED:
        headers["Vary"] = "Accept"
    if isinstance(content, Redirect):  # the place may move, the content not
        headers.pop("ETag", None)
    return Response(content=content, headers=headers)
