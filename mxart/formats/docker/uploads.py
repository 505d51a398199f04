"""Blobs on their way in: sessions that clients begin, fill in one request or many, and end with the blob's digest.

=======================================  ==========================================================================
``POST …/blobs/uploads/``                begins one (202); with ``digest`` and a body all at once (201); with
                                         ``mount`` and ``from`` the blob of another image, without sending it (201)
``PATCH`` of its Location                the next bytes; ``Content-Range`` must go on where it is (else 416)
``GET`` of its Location                  how far it has come (204)
``PUT`` of its Location, ``?digest=``    the last bytes, if any; the blob is there after that (201)
``DELETE`` of its Location               it is given up (204)
=======================================  ==========================================================================

What has come is kept when a client leaves in the middle: it asks how far it was, and goes on, also after a restart of
the server and with another worker.

Specification: OCI Distribution Specification 1.1, "Pushing blobs".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from mxart.contract import Context, Held, Ingest, Neighbour, Part, Publication, Repository
from mxart.errors import Conflict, Denied, Invalid, NotFound, StoreFull, Unauthenticated, Unsupported
from mxart.formats.docker import names, paths, wire
from mxart.formats.docker.paths import DockerResource
from mxart.model import Blob, Digest, Principal, Request, Response
from mxart.offload import undisturbed
from mxart.trail import Trail

_MOST_LOOKED_AT = 1000  # images, for a blob that may be in any of them
_AT_A_TIME = 50
_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?")
_METHODS = {"uploads": ("POST",), "upload": ("GET", "HEAD", "PATCH", "PUT", "DELETE")}


@dataclass(frozen=True, slots=True)
class Uploader:
    """One request about an upload."""

    repository: Repository
    context: Context
    request: Request
    resource: DockerResource

    async def answer(self) -> Response:
        """Raises UploadUnknown, UploadInvalid, SizeInvalid, DigestInvalid, Conflict, Unsupported, and as
        `Repository.ingest` and `Repository.publish`."""
        handlers: dict[tuple[str, str], Callable[[], Awaitable[Response]]] = {
            ("uploads", "POST"): self._begin,
            ("upload", "PATCH"): self._append,
            ("upload", "PUT"): self._finish,
            ("upload", "GET"): self._tell,
            ("upload", "HEAD"): self._tell,
            ("upload", "DELETE"): self._cancel,
        }
        handler = handlers.get((self.resource.kind, self.request.method))
        if handler is None:
            allowed = _METHODS[self.resource.kind]
            raise Unsupported(f"{self.request.method} is not supported here: want {', '.join(allowed)}.", allowed)
        return await handler()

    # --- the steps

    async def _begin(self) -> Response:
        asked = dict(wire.parameters(self.request.query))
        if "mount" in asked and (mounted := await self._mount(asked["mount"], asked.get("from", ""))):
            return mounted
        digest = names.parse_digest(asked["digest"]) if "digest" in asked else None
        upload = await self.repository.ingest(self._place, self.context)
        if digest is None:
            await upload.suspend()
            return self._state(202, upload)
        try:
            await self._receive(upload)
            return await self._publish(upload, digest)
        finally:
            await undisturbed(upload.cancel())

    async def _append(self) -> Response:
        upload = await self._resumed()
        try:
            if (refusal := self._out_of_order(upload)) is not None:
                return refusal
            await self._receive(upload)
            return self._state(202, upload)
        finally:
            await undisturbed(upload.suspend())

    async def _finish(self) -> Response:
        digest = names.parse_digest(dict(wire.parameters(self.request.query)).get("digest", ""))
        upload = await self._resumed()
        whole = False
        try:
            if (refusal := self._out_of_order(upload)) is not None:
                return refusal
            await self._receive(upload)
            whole = True
            return await self._publish(upload, digest)
        finally:
            # what broke off can go on from there; what was wrong in the end cannot
            await undisturbed(upload.cancel() if whole else upload.suspend())

    async def _tell(self) -> Response:
        upload = await self._resumed()
        try:
            return self._state(204, upload)
        finally:
            await undisturbed(upload.suspend())

    async def _cancel(self) -> Response:
        upload = await self._resumed()
        await undisturbed(upload.cancel())
        return Response(204, headers=dict(wire.VERSION))

    # --- what they are made of

    @property
    def _place(self) -> DockerResource:
        return paths.uploads(self.resource.package)

    async def _resumed(self) -> Ingest:
        try:
            return await self.repository.ingest(self._place, self.context, self.resource.upload)
        except NotFound as error:
            raise wire.UploadUnknown(error.message) from error

    async def _receive(self, upload: Ingest) -> None:
        """What the request carries has been written. Raises StoreFull: then the upload has been given up, as clients do
        not go on with one that failed so, and what has come of it is what fills the disk."""
        async for chunk in self.request.body:
            try:
                await upload.write(chunk)
            except StoreFull:
                await undisturbed(upload.cancel())
                raise

    def _out_of_order(self, upload: Ingest) -> Response | None:
        """The refusal of bytes that do not go on where the upload is; None when they do, or nothing says where they
        belong. Raises UploadInvalid, SizeInvalid."""
        field = self.request.headers.get("content-range", "")
        if not field:
            return None
        match = _RANGE.fullmatch(field.strip())
        if match is None or int(match[1]) > int(match[2]):
            raise wire.UploadInvalid(f"The Content-Range {field[:80]!r} is not FIRST-LAST, in bytes from 0.")
        first, last = int(match[1]), int(match[2])
        length = self.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) != last - first + 1:
            raise wire.SizeInvalid(f"The Content-Range {first}-{last} does not have the {length} bytes of the body.")
        if first == upload.size:
            return None
        message = f"The upload has {upload.size} bytes, and what was sent begins at byte {first}."
        return wire.coded("BLOB_UPLOAD_INVALID", message, 416, self._fields(upload))

    def _state(self, status: int, upload: Ingest) -> Response:
        return Response(status, headers={**wire.VERSION, **self._fields(upload)})

    def _fields(self, upload: Ingest) -> dict[str, str]:
        place = paths.uploads(self.resource.package, upload.id)
        return {
            "Location": self._location(place),
            "Range": f"0-{max(0, upload.size - 1)}",
            "Docker-Upload-UUID": upload.id,
        }

    def _location(self, resource: DockerResource) -> str:
        return f"{wire.base_path(self.context.base_url)}/{paths.url_path(resource)}"

    async def _publish(self, upload: Ingest, digest: Digest) -> Response:
        try:
            await upload.commit(digest)
        except Invalid as error:
            raise names.DigestInvalid(error.message) from error
        blob = paths.blob(self.resource.package, digest)
        await self.repository.publish(Publication(parts=[Part(resource=blob, upload=upload)]), self.context)
        return self._created(blob, digest)

    def _created(self, blob: DockerResource, digest: Digest) -> Response:
        return Response(
            201, headers={**wire.VERSION, "Location": self._location(blob), "Docker-Content-Digest": str(digest)}
        )

    # --- a blob of another image

    async def _mount(self, digest_text: str, source: str) -> Response | None:
        """The answer when the blob could be taken over; None when it has to be sent. That it is not there, or not for
        this client, is told to nobody."""
        digest = names.parse_digest(digest_text)
        content = await (self._held_in(source, digest) if source else self._held_anywhere(digest))
        if content is None:
            return None
        blob = paths.blob(self.resource.package, digest)
        part = Part(resource=blob, upload=Held(content.digest, content.size))
        try:
            await self.repository.publish(Publication(parts=[part]), self.context)
        except NotFound:  # in another store, or gone since
            return None
        finally:
            content.close()
        return self._created(blob, digest)

    async def _held_in(self, source: str, digest: Digest) -> Blob | None:
        """The blob of that image, named from the root. Raises Unauthenticated when whoever asks may read it, but not
        with the token that they have sent."""
        path = f"{source}/blobs/{digest}"
        neighbour = self.context.neighbour(path, self.context.principal)
        if neighbour is None and self.context.neighbour(path, self._whole_principal) is not None:
            message = f"The token is not good to pull from {source}: ask for one that is."
            raise Unauthenticated(message, reason="insufficient_scope")
        return await self._held_by(neighbour) if neighbour is not None else None

    async def _held_anywhere(self, digest: Digest) -> Blob | None:
        """The blob of any image of the same repository that the client may read; looked for in the first of them."""
        packages = sorted(await self.repository.packages(self.context))[:_MOST_LOOKED_AT]
        for number, package in enumerate(packages):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)  # reading the index waits for nothing
            if not await self.repository.list(paths.blob(package, digest), self.context):
                continue
            path = f"{wire.image_name(self.context.base_url, package)}/blobs/{digest}"
            neighbour = self.context.neighbour(path, self._whole_principal)
            if neighbour is not None and (blob := await self._held_by(neighbour)) is not None:
                return blob
        return None

    @property
    def _whole_principal(self) -> Principal:
        """Whoever asks, whatever the token is good for: no client asks for one before it knows where a blob is."""
        return replace(self.context.principal, limits=None)

    async def _held_by(self, neighbour: Neighbour) -> Blob | None:
        context = replace(self.context, cached_only=True, head_only=False, trail=Trail())
        try:
            content = await neighbour.repository.get(neighbour.resource, context)
        except (NotFound, Denied, Conflict):
            return None
        if isinstance(content, Blob):
            return content
        content.close()
        return None
