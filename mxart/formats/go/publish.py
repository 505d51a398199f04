"""Publishing and deleting versions: what a client sends is checked, and becomes visible whole or not at all.

No stock client publishes to a proxy; what is answered here is the common practice of module repositories. One PUT of
the .zip is enough: .mod and .info follow from it. Explicit ones must agree with it; those that come before it are kept
aside, and take effect with it. A version never changes: the repository refuses other content under its name, also after
a deletion.

Specifications: Go Modules Reference, "Module zip files" and "GOPROXY protocol"; the sums of the answer are those of its
"go.sum files".
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from mxart.contract import Context, Ingest, Part, Publication, Repository
from mxart.documents import whole
from mxart.errors import Conflict, Corrupt, Denied, Invalid, NotFound, TooLarge
from mxart.formats.go import contents, documents, names, paths, wire
from mxart.formats.go.contents import Contents
from mxart.formats.go.documents import VersionRecord
from mxart.formats.go.paths import GoResource
from mxart.model import Request, Response
from mxart.offload import offload, undisturbed
from mxart.trail import Trail

_EPOCH = datetime.fromtimestamp(0, UTC)
_MAKE_ZIP = "Nothing was published. mxart go publish makes zips that are right."
_GIVE_WAY = "Nothing was published. Send that file again, or take it back with DELETE, and then send the zip."


@dataclass(frozen=True, slots=True)
class Publisher:
    """One request of a client that writes to a repository. Its uploads are all cancelled in the end."""

    repository: Repository
    context: Context
    allow_forks: bool
    max_size: Mapping[str, int]  # bytes, by the kind of a resource
    uploads: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def put(self, request: Request, resource: GoResource) -> Response:
        """The answer to a PUT of one of a version's files.

        Raises Invalid, TooLarge, Conflict, and as `Repository.ingest` and `Repository.publish`.
        """
        _check_version(resource)
        async with self.uploads:
            return await (self._put_zip if resource.kind == "zip" else self._put_beside)(request, resource)

    async def delete(self, resource: GoResource) -> Response:
        """True after: the whole version is gone, and what waited for its zip. Raises Invalid, and as
        `Repository.delete`."""
        _check_version(resource)
        files = [paths.sibling(resource, kind) for kind in paths.VERSION_KINDS]
        waiting = [paths.staged(file) for file in files if file.kind != "zip"]
        await self.repository.delete([*files, *waiting], self.context)
        return wire.told(
            200,
            f"{resource.module}@{resource.version} is deleted. What was published of it can come back only as it was.\n"
            "To have it back: on the server, mxart trash list shows its ID for mxart trash restore ID.\n",
        )

    # --- a zip, and all that follows from it

    async def _put_zip(self, request: Request, resource: GoResource) -> Response:
        asked = _asked_time(request.query)
        upload = await self._receive(request, resource)
        inspected = await self._inspected(upload, resource)
        await self._check_waiting_gomod(resource, inspected)
        record = VersionRecord(resource.version, await self._time(resource, asked))
        mod, info = paths.sibling(resource, "mod"), paths.sibling(resource, "info")
        parts = [
            Part(resource=resource, upload=upload, published=_seconds(record)),
            await self._derived(mod, inspected.gomod, _seconds(record)),
            await self._derived(info, documents.format_record(record), _seconds(record)),
        ]
        drops = [paths.staged(mod), paths.staged(info)]
        await upload.commit()
        is_new = await self.repository.publish(Publication(parts=parts, drops=drops), self.context)
        return wire.told(201 if is_new else 200, inspected.sums.lines(resource.module, resource.version))

    async def _inspected(self, upload: Ingest, resource: GoResource) -> Contents:
        def inspect() -> Contents:
            with upload.open() as file:
                return contents.inspect(file, resource.module, resource.version, allow_forks=self.allow_forks)

        try:
            return await offload(inspect)
        except Corrupt as error:
            raise Invalid(f"{error.message}\n{_MAKE_ZIP}") from None

    async def _check_waiting_gomod(self, resource: GoResource, inspected: Contents) -> None:
        waiting = await self._held(paths.staged(paths.sibling(resource, "mod")))
        if waiting is not None and waiting != inspected.gomod:
            raise Invalid(
                f"The zip's go.mod is not the .mod file that was published for {resource.version} before.\n{_GIVE_WAY}"
            )

    async def _time(self, resource: GoResource, asked: datetime | None) -> datetime:
        """When the version came to be: as asked for, else as the .info that waits says, else now. Raises Invalid."""
        waiting = await self._held(paths.staged(paths.sibling(resource, "info")))
        told = _told_time(waiting) if waiting is not None else None
        if asked and told and asked != told:
            raise Invalid(
                f"The .info file that was published for {resource.version} before has another time.\n{_GIVE_WAY}"
            )
        return asked or told or datetime.now(UTC).replace(microsecond=0)

    async def _derived(self, resource: GoResource, data: bytes, published: float) -> Part:
        """A file that follows from the zip; what stands there from an earlier publication of the same zip stays."""
        upload = await self._begin(resource)
        await upload.write(data)
        await upload.commit()
        return Part(resource=resource, upload=upload, published=published, keep=True)

    # --- an .info or .mod of its own

    async def _put_beside(self, request: Request, resource: GoResource) -> Response:
        """It agrees with the version that stands, or waits for its zip."""
        if request.query:
            raise Invalid("Only the PUT of a .zip takes a query: ?time=, when the version came to be.")
        place = paths.staged(resource)
        upload = await self._receive(request, place)
        data = await offload(_content, upload)
        self._check_beside(resource, data)
        standing = await self._held(resource)
        if standing is None:
            await upload.commit()
            part = Part(resource=place, upload=upload)
            await self.repository.publish(Publication(parts=[part], replace=True), self.context)
            standing = await self._held(resource)
            if standing is None:
                return wire.told(202, f"Kept until {resource.version}.zip is published, which it must agree with.\n")
            # its zip was published meanwhile, and may not have seen what was kept
            await self.repository.publish(Publication(parts=(), drops=[place]), self.context)
        if not _agree(resource, data, standing):
            raise Conflict(
                f"{resource.module}@{resource.version} is published already, with another .{resource.kind} file.\n"
                "A version never changes: publish another one."
            )
        return wire.told(200, f"{resource.module}@{resource.version} has this .{resource.kind} file already.\n")

    def _check_beside(self, resource: GoResource, data: bytes) -> None:
        """Raises Invalid for what no zip of this version could agree with."""
        try:
            if resource.kind == "mod":
                contents.check_gomod(data, resource.module, allow_forks=self.allow_forks)
            else:
                documents.check_info(data, resource.module, resource.version)
        except Corrupt as error:
            raise Invalid(f"{error.message}\nNothing was published. (The .zip alone is enough.)") from None

    # --- uploads, and what is held

    async def _begin(self, resource: GoResource) -> Ingest:
        upload = await self.repository.ingest(resource, self.context)
        self.uploads.push_async_callback(lambda: undisturbed(upload.cancel()))
        return upload

    async def _receive(self, request: Request, resource: GoResource) -> Ingest:
        """The upload of the request's body. It is not asked for when it is said to be too large."""
        upload = await self._begin(resource)
        limit = self.max_size[resource.kind]
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise TooLarge(f"The file has {length} bytes; the limit is {limit}.", limit)
        async for chunk in request.body:
            await upload.write(chunk)
        return upload

    async def _held(self, resource: GoResource) -> bytes | None:
        """What the repository holds of a document; None when it holds none, or a group's member denies it for a reason
        of its own. No upstream is asked."""
        context = replace(self.context, cached_only=True, trail=Trail())
        try:
            content = await self.repository.get(resource, context)
        except (NotFound, Denied):
            return None
        return await whole(content, self.max_size[resource.kind])


def _check_version(resource: GoResource) -> None:
    """Raises Invalid for the .info of a branch, a tag or a commit."""
    if not names.is_version_of(resource.module, resource.version):
        raise Invalid(
            f"{resource.version!r} is no version of {resource.module}, though it may lead to one.\n"
            f"What is published is a version, such as {names.major_suffix(resource.module) or 'v1'}.0.0."
        )


def _content(upload: Ingest) -> bytes:
    with upload.open() as file:
        return file.read(upload.size)


def _asked_time(query: str) -> datetime | None:
    """The instant of ``time=RFC3339`` in a query, None without one. Raises Invalid for all else."""
    if not query:
        return None
    name, _, value = query.partition("=")
    if name != "time":
        raise Invalid(f"The query {query[:80]!r} is not understood: want time=RFC3339, or none.")
    asked = documents.parse_instant(unquote(value))
    if asked <= _EPOCH:
        raise Invalid(f"{value[:80]!r} is no time at which a version can have come to be.")
    return asked


def _told_time(info: bytes) -> datetime | None:
    """The time in a version record; None also for Go's zero time, which stands for none."""
    time = documents.parse_record(info).time
    return time if time and time > _EPOCH else None


def _seconds(record: VersionRecord) -> float:
    return record.time.timestamp() if record.time else 0.0


def _agree(resource: GoResource, sent: bytes, standing: bytes) -> bool:
    """Whether a file that a client sends says no other than the one that stands: a version record may leave its time
    out, and tell more besides."""
    if resource.kind == "mod":
        return sent == standing
    return _told_time(sent) in (None, _told_time(standing))
