"""Manifests that clients push or delete: checked, and visible under all their names at once.

A manifest that is pushed by tag stands under its digest and under the tag; one that refers to another is noted there,
too. What it needs must be in the same image at the moment at which it becomes visible, so that no image is ever there
in part.

Specification: OCI Distribution Specification 1.1, "Pushing Manifests", "Pushing Manifests with Subject", "Deleting
tags", "Deleting Manifests", "Deleting Blobs".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mxart.contract import Context, Ingest, Missing, Part, Publication, Repository
from mxart.errors import Conflict, Corrupt, Invalid, NotFound, TooLarge
from mxart.formats.docker import documents, names, paths, wire
from mxart.formats.docker.documents import Manifest
from mxart.formats.docker.paths import DockerResource
from mxart.model import Digest, Request, Resource, Response
from mxart.offload import offload, undisturbed

_MOST_NAMED = 5  # missing blobs that a message names
_MOST_TAGS = 10  # of one push


@dataclass(frozen=True, slots=True)
class Publisher:
    """One request that pushes or deletes."""

    repository: Repository
    context: Context
    sparse: bool  # may an index name manifests that are not here?
    is_immutable: Callable[[str], bool]  # does a tag stay where it is, whatever the repository inside says of it?

    async def put(self, request: Request, resource: DockerResource) -> Response:
        """The answer to the PUT of a manifest by tag or by digest.

        Raises ManifestInvalid, ManifestBlobUnknown, DigestInvalid, TooLarge, Conflict, and as `Repository.publish`.
        """
        tags = self._tags(request, resource)
        upload = await self.repository.ingest(resource, self.context)
        try:
            await self._receive(request, upload)
            manifest = await self._checked(request, upload)
            try:
                found = await upload.commit(resource.digest)
            except Invalid as error:
                raise names.DigestInvalid(error.message) from error
            digest = resource.digest or found
            await self._publish(resource.package, manifest, (digest, upload), tags)
        finally:
            await undisturbed(upload.cancel())
        return self._created(resource, digest, manifest, tags)

    async def delete(self, resource: DockerResource) -> Response:
        """True after: the tag is gone; or the manifest, with its tags; or the blob. Raises ManifestUnknown,
        BlobUnknown, and as `Repository.delete`."""
        image = resource.package
        also = [_all_tags(image), _all_referrers(image)] if resource.kind == "manifest" else []
        try:
            await self.repository.delete([resource], self.context, also)
        except NotFound as error:
            kind = wire.BlobUnknown if resource.kind == "blob" else wire.ManifestUnknown
            raise kind(error.message) from error
        return Response(202, headers=dict(wire.VERSION))

    # --- the steps of a push

    def _tags(self, request: Request, resource: DockerResource) -> Sequence[str]:
        """Those under which the manifest is to stand: the one that it is pushed by, and those of the query."""
        asked = [value for name, value in wire.parameters(request.query) if name == "tag"]
        if len(asked) > _MOST_TAGS:
            raise wire.ManifestInvalid(f"A manifest is pushed with {_MOST_TAGS} tags at most.")
        if resource.tag and asked:
            raise wire.ManifestInvalid("A manifest that is pushed by tag takes no others: push it by digest.")
        return [resource.tag] if resource.tag else [names.check_tag(tag) for tag in dict.fromkeys(asked)]

    async def _receive(self, request: Request, upload: Ingest) -> None:
        """Not asked for when it is said to be too large."""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > documents.MAX_MANIFEST:
            raise TooLarge(
                f"The manifest has {length} bytes; the limit is {documents.MAX_MANIFEST}.", documents.MAX_MANIFEST
            )
        async for chunk in request.body:
            await upload.write(chunk)

    async def _checked(self, request: Request, upload: Ingest) -> Manifest:
        def parse() -> Manifest:
            with upload.open() as file:
                return documents.parse_manifest(file.read(documents.MAX_MANIFEST + 1))

        try:
            manifest = await offload(parse)
        except Corrupt as error:
            raise wire.ManifestInvalid(error.message) from error
        stated = request.headers.get("content-type", "").partition(";")[0].strip()
        if stated and stated != manifest.media_type:
            raise wire.ManifestInvalid(
                f"The manifest is sent as {stated[:120]!r}, and says of itself that it is {manifest.media_type!r}."
            )
        return manifest

    async def _publish(
        self, image: str, manifest: Manifest, content: tuple[Digest, Ingest], tags: Sequence[str]
    ) -> None:
        digest, upload = content
        kind, noted = manifest.media_type, documents.tag_facts(digest)
        parts = [Part(resource=paths.manifest(image, digest), upload=upload, media_type=kind)]
        for tag in tags:
            parts.append(Part(resource=paths.tag(image, tag), upload=upload, media_type=kind, facts=noted))
        if manifest.subject is not None:
            try:
                facts = documents.descriptor_facts(manifest, digest, upload.size)
            except Corrupt as error:
                raise wire.ManifestInvalid(error.message) from error
            place = paths.referrer(image, manifest.subject, digest)
            parts.append(Part(resource=place, upload=upload, media_type=kind, facts=facts))
        needs = await offload(self._needs, image, manifest)  # there may be tens of thousands
        publication = Publication(parts=parts, replace=not any(map(self.is_immutable, tags)), needs=needs)
        try:
            await self.repository.publish(publication, self.context)
        except Missing as error:
            raise wire.ManifestBlobUnknown(_missing(image, error.paths)) from error
        except Conflict as error:
            raise Conflict(
                f"{' and '.join(f'{image}:{tag}' for tag in tags)} cannot be moved to other content: immutable_tags in "
                "the configuration of the repository keeps it as it is. Push another tag."
            ) from error

    def _needs(self, image: str, manifest: Manifest) -> list[Resource]:
        if self.sparse and manifest.media_type in documents.INDEXES:
            return []
        blobs = [paths.blob(image, each) for each in dict.fromkeys(manifest.blobs)]
        return [*blobs, *(paths.manifest(image, each) for each in dict.fromkeys(manifest.manifests))]

    def _created(self, resource: DockerResource, digest: Digest, manifest: Manifest, tags: Sequence[str]) -> Response:
        place = paths.url_path(paths.manifest(resource.package, digest))
        headers = {
            **wire.VERSION,
            "Location": f"{wire.base_path(self.context.base_url)}/{place}",
            "Docker-Content-Digest": str(digest),
        }
        if manifest.subject is not None:
            headers["OCI-Subject"] = str(manifest.subject)
        if not resource.tag and tags:
            headers["OCI-Tag"] = ", ".join(tags)
        return Response(201, headers=headers)


def _all_tags(image: str) -> Resource:
    return Resource(path=paths.below(paths.tags(image)), kind="tags", package=image)


def _all_referrers(image: str) -> Resource:
    return Resource(path=f"{paths.folder(image)}referrers/", kind="referrers", package=image)


def _missing(image: str, missing: Sequence[str]) -> str:
    digests = [path.rpartition("/")[2] for path in missing]
    more = f" and {len(digests) - _MOST_NAMED} more" if len(digests) > _MOST_NAMED else ""
    return (
        f"The manifest needs what is not in {image}: {', '.join(digests[:_MOST_NAMED])}{more}. Push that first, to the "
        "same image."
    )
