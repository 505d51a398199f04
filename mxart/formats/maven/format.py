"""The `Format` of Maven repositories: which file of this folder answers which question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import BinaryIO

from mxart.contract import Checksum, Context, Policy, Proof, Repository
from mxart.errors import Corrupt, MxartError, NotFound, Unauthenticated, Unsupported
from mxart.formats.maven import checksums, documents, holdings, pages, paths, pom, wire
from mxart.formats.maven.given import Given
from mxart.formats.maven.paths import MavenResource
from mxart.formats.maven.publish import Publisher
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Action, Digest, Entry, Redirect, Request, Resource, Response

_READS = ("GET", "HEAD")
_WRITES = (*_READS, "PUT", "POST", "DELETE")
_PARSED = 4096  # paths that are remembered with what they ask for
_MAX_ARTIFACT = 64 << 30  # bytes
_MAX_NOTE = 4 << 10  # bytes
_SNIFFED = 512  # bytes of the beginning of an artifact
_PAGES = ("html", "htm", "xhtml")
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html)(?![\w:.-])",
    re.IGNORECASE | re.DOTALL,
)  # HTML, or XHTML
_NOTED = ("md5", "sha1", "sha512")  # beside SHA-256, which is every blob's name
_PROOFS = ("sha1", "sha256", "sha512", "md5")  # in this order they are asked for: nearly every repository has the first


class MavenFormat:
    """Maven 2 repositories, as Maven, Gradle and their like use them."""

    name = "maven"
    border = paths.BORDER
    renames = False

    def __init__(self, settings: MavenSettings) -> None:
        self.ages = not settings.keeping.is_endless
        self._settings = settings
        self._given = Given()
        self._parsed = lru_cache(maxsize=_PARSED)(paths.parse)
        self._policies = lru_cache(maxsize=_PARSED)(self._policy)  # each layer of a group asks for it anew

    def parse(self, request: Request) -> MavenResource:
        """See `paths.parse`; the method is looked at by `answer`."""
        return self._parsed(request.path)

    def canonical(self, resource: Resource) -> Resource:
        """Itself: paths have one spelling."""
        return resource

    def policy(self, resource: Resource) -> Policy:
        """How it is kept: releases and builds of snapshots for ever, all else for a while."""
        return self._policies(_maven(resource))

    def _policy(self, resource: MavenResource) -> Policy:
        match resource.kind:
            case "artifact":
                return self._of_artifact(resource)
            case "metadata":
                return _of_metadata(resource)
            case "checksum":
                return self._of_checksum(resource)
            case "mark":
                return Policy(immutable=False, media_type=wire.TEXT, max_size=_MAX_NOTE, document=True)
        return Policy(
            immutable=False,
            media_type=wire.media_type(resource),
            max_size=_MAX_ARTIFACT,
            folder=_folder(resource),
            above=paths.above(resource),
            checksums=_NOTED,
        )

    def _of_artifact(self, resource: MavenResource) -> Policy:
        is_pom = resource.name is not None and resource.name.extension == "pom"
        return Policy(
            immutable=_is_immutable(resource),
            media_type=wire.media_type(resource),
            max_size=pom.MAX_POM if is_pom else _MAX_ARTIFACT,
            document=is_pom,
            folder=_folder(resource),
            checksums=_NOTED,
            proof=self._proof(resource),
            replaceable=resource.is_snapshot or self._settings.redeploy == "allow",
        )

    def _of_checksum(self, resource: MavenResource) -> Policy:
        assert resource.of is not None  # `paths.checksum`
        return Policy(
            immutable=_is_immutable(resource.of),
            media_type=wire.TEXT,
            max_size=checksums.MAX_CHECKSUM,
            document=True,
            folder=_folder(resource),
            checksum=Checksum(resource.of, resource.algorithm),
        )

    def _proof(self, resource: MavenResource) -> Proof | None:
        """What proves an artifact. That of a snapshot without builds may change between two requests: it is compared
        with what comes along with it only."""
        if self._settings.checksum_policy == "ignore":
            return None
        files = [paths.checksum(resource, algorithm) for algorithm in _PROOFS]
        return Proof(
            stated=checksums.stated,
            documents=tuple(files) if _is_immutable(resource) else (),
            read=_read_checksum,
            must=self._settings.checksum_policy == "fail",
        )

    def upstream_path(self, resource: Resource) -> str:
        return paths.quoted(_maven(resource).url_path)

    def aliases(self, resource: Resource, digest: Digest) -> Sequence[Resource]:
        return ()

    def check(self, resource: Resource, file: BinaryIO) -> str:
        """Return when the bytes can be what the resource promises. A POM is not judged: clients read old ones, too,
        that are no well-formed XML."""
        resource = _maven(resource)
        file.seek(0)
        if resource.kind == "metadata":
            documents.parse(file)
        elif resource.kind == "checksum":
            _check_checksum(resource, file)
        elif not resource.filename.endswith(_PAGES):
            _check_is_no_page(file)
        return ""

    def merge(self, resource: Resource, documents: Sequence[BinaryIO], out: BinaryIO) -> None:
        """The union of metadata. Raises Unsupported for files, which are taken whole."""
        if resource.kind != "metadata":
            raise Unsupported(f"{resource.title} of several repositories is not merged.")
        out.write(_merged(documents))

    def generate(self, resource: Resource, entries: Iterable[Entry], out: BinaryIO) -> None:
        """The metadata of what is held whole. Raises NotFound when nothing is, Unsupported for files."""
        if resource.kind != "metadata":
            raise Unsupported(f"{resource.title} is published, not generated.")
        out.write(documents.render(holdings.metadata(_maven(resource), list(entries))))

    def unused(
        self, entries: Sequence[Entry], trashed: Sequence[Entry], before: float, read: Callable[[Entry], bytes]
    ) -> Sequence[Entry]:
        """None: a version stays until somebody deletes it."""
        return ()

    def outdated(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """The builds of snapshots that have had their time; a deployment finds the same out, but where none comes any
        more nobody would."""
        if not self.ages:
            return ()
        held = [entry for entry in entries if entry.digest]
        return list(holdings.outdated_entries(held, self._settings.keeping, now))

    async def answer(self, request: Request, resource: Resource, repository: Repository, context: Context) -> Response:
        """One read, deployment or deletion. Raises Unsupported for what none of them is."""
        resource = _maven(resource)
        if request.method in _READS:
            return await self._read(request, resource, repository, context)
        self._given.forget(request)
        publisher = Publisher(repository, context, self._settings)
        if request.method in ("PUT", "POST"):
            return await publisher.put(request, resource)
        if request.method == "DELETE":
            return await publisher.delete(resource)
        raise Unsupported(f"{request.method} is not supported: files are deployed with PUT.", _WRITES)

    async def _read(
        self, request: Request, resource: MavenResource, repository: Repository, context: Context
    ) -> Response:
        if resource.kind == "directory":
            return await pages.page(request, resource, repository, context)
        if resource.kind == "checksum" and (told := self._given.told(request, resource)) is not None:
            return Response(content=told, headers=wire.headers(resource, told, immutable=False))
        try:
            content = await repository.get(resource, context)
        except NotFound:
            if not _is_browser(request) or not await pages.is_folder(resource.url_path, repository, context):
                raise
            return Response(302, Redirect(url=f"{request.base_url}/{paths.quoted(resource.url_path)}/"))
        if isinstance(content, Redirect):
            return Response(content=content)  # the place may move, the content not
        policy = self.policy(resource)
        immutable = policy.immutable and not policy.replaceable
        if not immutable and resource.kind != "checksum":
            self._given.note(request, resource, content)
        return Response(content=content, headers=wire.headers(resource, content, immutable=immutable))

    def challenge(self, request: Request, action: Action, error: Unauthenticated) -> str:
        return error.challenge

    def failure(self, error: MxartError, status: int) -> Response:
        return wire.failure(error, status)


def _maven(resource: Resource) -> MavenResource:
    if not isinstance(resource, MavenResource):
        raise TypeError(f"{resource!r} was not parsed by the Maven format")
    return resource


def _is_immutable(resource: MavenResource) -> bool:
    """Whether what it names has one content for ever: a file of a release, or of one build of a snapshot."""
    return resource.kind == "artifact" and (not resource.is_snapshot or bool(resource.build))


def _folder(resource: MavenResource) -> str:
    return paths.folder(resource.group, resource.artifact) if resource.artifact else ""


def _of_metadata(resource: MavenResource) -> Policy:
    if resource.version:
        within = f"{_folder(resource)}{resource.version}/"
    elif resource.artifact:
        within = _folder(resource).removesuffix("/")  # and beside it the plugins of the group that is called so
    else:
        within = paths.marks_folder(resource.plugin_group)
    return Policy(
        immutable=False,
        media_type=wire.media_type(resource),
        max_size=documents.MAX_METADATA,
        document=True,
        index=True,
        folder=_folder(resource),
        within=within,
        checksums=_NOTED,
    )


def _read_checksum(resource: Resource, data: bytes) -> Digest | None:
    return checksums.parse(data, _maven(resource).algorithm)


def _check_checksum(resource: MavenResource, file: BinaryIO) -> None:
    if checksums.parse(file.read(checksums.MAX_CHECKSUM), resource.algorithm) is None:
        raise Corrupt(f"{resource.title} holds no {resource.algorithm} checksum")


def _check_is_no_page(file: BinaryIO) -> None:
    """Raises Corrupt for what somebody sends who wants a login, or has an excuse, in place of an artifact."""
    if _PAGE.match(file.read(_SNIFFED)):
        raise Corrupt("it is a web page, not an artifact: does it want a login, or say that something went wrong?")


def _merged(files: Sequence[BinaryIO]) -> bytes:
    return documents.render(documents.merge([documents.parse(file) for file in files]))


def _is_browser(request: Request) -> bool:
    """Does a person ask? Build tools name no media type, or other ones."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")
