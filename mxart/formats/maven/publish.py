"""Deploying and deleting: what a client sends is checked, and visible as soon as it is acknowledged.

Clients deploy file by file, and none says which was the last; so each becomes visible by itself, and metadata, which
the repository makes, names what is whole (``holdings.py``). A client's own metadata is read for what it names, and not
kept: it is made from what the client saw before, which others may have changed since. Its checksum files are compared,
and not kept either: what they say follows from the files.

Specification: maven-resolver, ``ArtifactDescriptor`` and deployment; Gradle, "Maven Publish Plugin". What an upload is
called is "Maven Repository Layout".
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import BinaryIO, TypeVar

from mxart.contract import Context, Ingest, Part, Publication, Repository
from mxart.errors import Conflict, Corrupt, Invalid, NotFound, TooLarge, Unsupported
from mxart.formats.maven import checksums, documents, holdings, names, paths, plugins, pom, wire
from mxart.formats.maven.documents import MAX_METADATA, Metadata
from mxart.formats.maven.holdings import Build
from mxart.formats.maven.paths import MavenResource
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Entry, Request, Response
from mxart.offload import offload, undisturbed

_T = TypeVar("_T")
_Take = Callable[[Request, MavenResource], Awaitable[Response]]

_LAYOUT = "want GROUP/ARTIFACT/VERSION/ARTIFACT-VERSION[-CLASSIFIER].EXTENSION, the group with slashes for its dots"
_KEPT = ("GET", "HEAD", "PUT", "POST")  # methods for what follows from files
_NOTES = (paths.mark, paths.contest, paths.contradiction)  # what there may be of an artifact
_FRESH = 600.0  # seconds after which a file that is contradicted by a checksum belongs to another deploy


@dataclass(frozen=True, slots=True)
class Publisher:
    """One request of a client that writes to a repository. Its uploads are all cancelled in the end."""

    repository: Repository
    context: Context
    settings: MavenSettings
    clock: Callable[[], float] = time.time
    uploads: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def put(self, request: Request, resource: MavenResource) -> Response:
        """The answer to an upload. Raises Invalid, TooLarge, Conflict, and as `Repository.ingest` and
        `Repository.publish`."""
        async with self.uploads:
            return await self._takes(resource)(request, resource)

    def _takes(self, resource: MavenResource) -> _Take:
        match resource.kind:
            case "artifact":
                return self._put_artifact
            case "metadata":
                return self._put_metadata
            case "checksum" if resource.of is not None and resource.of.kind in ("artifact", "metadata"):
                return self._put_checksum
        raise Invalid(f"{resource.title or 'the root'} is no path of a Maven repository: {_LAYOUT}")

    # --- a file of a version

    async def _put_artifact(self, request: Request, resource: MavenResource) -> Response:
        self._check_version(resource)
        upload = await self._receive(request, resource)
        found = await self._pom(upload, resource)
        parts = [Part(resource=resource, upload=upload, facts=holdings.facts_of(found))]
        drops = [paths.contradiction(resource)]
        if (mark := await self._mark(upload, resource)) is not None:
            parts.append(mark)
        else:
            drops.append(paths.mark(resource))  # of other content that stood here
        prunes = [resource] if await self._is_contradicted(resource) else []
        await upload.commit()
        wanted = Publication(parts=parts, replace=True, drops=drops, prunes=prunes)
        try:
            is_new = await self.repository.publish(wanted, self.context)
        except Conflict:
            await self._contest(resource)
            raise Conflict(
                f'{resource.filename} was deployed before with other content, and redeploy = "deny" of this '
                "repository keeps a release as it is, also when it was deleted: deploy another version"
            ) from None
        if resource.is_snapshot:
            await self._prune(resource)
        said = f"{resource.title} is {'deployed' if is_new else 'here already'}.\n"
        return wire.told(201 if is_new else 200, said + (_remark(found, resource) if found else ""))

    async def _contest(self, resource: MavenResource) -> None:
        """True after: no checksum takes away what stands there. The one that comes next may be of what was refused."""
        note = await self._noted(paths.contest(resource))
        await self.repository.publish(Publication(parts=[note]), self.context)

    def _check_version(self, resource: MavenResource) -> None:
        """Raises Invalid for what the repository's version_policy does not take."""
        policy, version = self.settings.version_policy, resource.version
        if policy == "release" and resource.is_snapshot:
            raise Invalid(
                f'{version} is a snapshot, and version_policy = "release" of this repository takes releases only: '
                "deploy it to a snapshot repository"
            )
        if policy == "snapshot" and not resource.is_snapshot:
            raise Invalid(
                f'{version} is a release, and version_policy = "snapshot" of this repository takes snapshots only: '
                "deploy it to a release repository"
            )
        if names.is_build_of_snapshot(version):
            raise Invalid(
                f"{version} is one build of a snapshot, and its files belong into the folder of the snapshot: let its "
                "version end with -SNAPSHOT"
            )

    async def _pom(self, upload: Ingest, resource: MavenResource) -> pom.Pom | None:
        """What a POM says; None for other files. Raises Invalid for what is none."""
        if resource.name is None or (resource.name.classifier, resource.name.extension) != ("", "pom"):
            return None
        try:
            return await offload(_reading, upload, pom.read)
        except Corrupt as error:
            raise Invalid(f"{resource.title} is refused: {error.message}") from None

    async def _mark(self, upload: Ingest, resource: MavenResource) -> Part | None:
        """The note that it is a Maven plugin, when it is one."""
        if resource.name is None or (resource.name.classifier, resource.name.extension) != ("", "jar"):
            return None
        found = await offload(_reading, upload, plugins.read)
        if found is None or not _is_of(found, resource):  # another plugin's, packed into this one
            return None
        facts = {holdings.PREFIX: found.prefix, holdings.NAME: found.name}
        return await self._noted(paths.mark(resource), facts)

    async def _noted(self, place: MavenResource, facts: dict[str, str] | None = None) -> Part:
        """A note: its facts, which are its content, too, since the same content is no change."""
        upload = await self._begin(place)
        await upload.write(json.dumps(facts or {}, sort_keys=True).encode())
        await upload.commit()
        return Part(resource=place, upload=upload, facts=facts or {})

    # --- checksums

    async def _put_checksum(self, request: Request, resource: MavenResource) -> Response:
        of = resource.of
        assert of is not None  # `_takes`
        data = await _whole(request.body, checksums.MAX_CHECKSUM)
        sent = checksums.parse(data, resource.algorithm)
        if sent is None:
            raise Invalid(f"{resource.title} holds no {resource.algorithm} checksum")
        if of.kind == "metadata":  # of the client's own, which is not kept
            return wire.told(201, f"{resource.title} is made from what is deployed.\n")
        entry = await self._held(of)
        if entry is None or entry.digest is None:
            if await self._has_had_its_time(of):
                return wire.told(201, f"{of.filename} has had its time, and is not kept.\n")
            raise Conflict(f"{of.filename} is not here: deploy the file before its {resource.algorithm} checksum")
        found = {**entry.checksums, entry.digest.algorithm: entry.digest.hex}[resource.algorithm]
        if found == sent.hex:
            await self._settle(of, resource.algorithm)
            return wire.told(201, f"{resource.title} agrees with the file.\n")
        await self._contradict(of, entry, resource.algorithm)
        raise Invalid(
            f"{of.filename} has arrived with the {resource.algorithm} checksum {found}, and {resource.filename} "
            f"says {sent.hex}: it was damaged on its way, or changed; deploy it again"
        )

    async def _contradict(self, of: MavenResource, entry: Entry, algorithm: str) -> None:
        """True after: a file that has just come is named by no metadata, as long as nothing else comes that its
        checksum agrees with; unless somebody else has been refused there, of whose file the checksum may be.

        Clients do not stop at a refusal of a checksum file, but at one of the metadata that they send last.
        """
        if entry.created > self.clock() - _FRESH and await self._held(paths.contest(of)) is None:
            note = await self._noted(paths.contradiction(of), {holdings.ALGORITHM: algorithm})
            await self.repository.publish(Publication(parts=[note], replace=True), self.context)

    async def _settle(self, of: MavenResource, algorithm: str) -> None:
        """True after: an earlier checksum by the same algorithm, which did not agree, does not count any more."""
        note = await self._held(paths.contradiction(of))
        if note is not None and note.facts.get(holdings.ALGORITHM) == algorithm:
            await self.repository.publish(Publication(parts=(), drops=[paths.contradiction(of)]), self.context)

    async def _is_contradicted(self, resource: MavenResource) -> bool:
        """Has what stands there not come as it was meant? Then what was meant may take its place."""
        return await self._held(paths.contradiction(resource)) is not None

    async def _has_had_its_time(self, of: MavenResource) -> bool:
        """Is it of a build that others have overtaken while it was being sent?"""
        if not of.build or self.settings.keeping.is_endless:
            return False
        held = (await self._builds(of)).get(of.version, {})
        order = names.build_order(of.build)
        return any(names.is_build(build) and names.build_order(build) > order for build in held)

    # --- metadata

    async def _put_metadata(self, request: Request, resource: MavenResource) -> Response:
        if resource.version:
            self._check_version(resource)
        data = await _whole(request.body, MAX_METADATA)
        try:
            sent = await offload(documents.parse, io.BytesIO(data))
        except Corrupt as error:
            raise Invalid(f"{resource.title} is refused: {error.message}") from None
        await self._announce(resource, sent)
        if resource.version:
            await self._prune(resource)
        return wire.told(201, f"{resource.title} is made from what is deployed.\n")

    async def _announce(self, resource: MavenResource, sent: Metadata) -> None:
        """True after: what the metadata names and has no POM counts as whole. Raises Unsupported where nobody can
        publish, also when it names nothing."""
        waiting = await self._waiting(resource, sent) if resource.artifact else ()
        places = [_announcement(resource, build) for build in waiting]
        note = await self._noted(places[0]) if places else None
        parts = [replace(note, resource=place) for place in places] if note else []  # one open file, however many
        await self.repository.publish(Publication(parts=parts), self.context)

    async def _waiting(self, resource: MavenResource, sent: Metadata) -> Sequence[Build]:
        """What the metadata names, and is not whole by itself. Raises Conflict when a file of it is damaged."""
        held = await self._builds(resource)
        named = [(version, "") for version in sent.versions] if not resource.version else _named(resource, sent)
        found = [held[version][build] for version, build in named if build in held.get(version, {})]
        for build in found:
            if build.contradicted:
                raise Conflict(
                    f"{resource.title} names {names.version_of(build.version, build.build)}, of which a file has not "
                    "arrived as its checksum says: it was damaged on its way, or changed; deploy it again"
                )
        return [build for build in found if not build.is_whole and not build.contradicted]

    # --- builds that have had their time

    async def _prune(self, resource: MavenResource) -> None:
        """True after: as many builds of the snapshot are kept as the settings say."""
        keeping = self.settings.keeping
        if keeping.is_endless:
            return
        held = (await self._builds(resource)).get(resource.version, {})
        outdated = await offload(lambda: list(holdings.outdated(held, keeping, self.clock())))
        prunes = [_announcement(resource, build) for build in outdated]
        for build in outdated:
            prunes += await offload(_with_notes, list(build.files.values()))
        if prunes:
            await self.repository.publish(Publication(parts=(), prunes=prunes), self.context)

    async def _builds(self, resource: MavenResource) -> holdings.Builds:
        """What is held of the package, or of the snapshot when it is of one."""
        folder = paths.folder(resource.group, resource.artifact)
        prefix = f"{folder}{resource.version}/" if resource.version else folder
        return await offload(holdings.builds, resource.artifact, await self._list(resource, prefix))

    # --- deletions

    async def delete(self, resource: MavenResource) -> Response:
        """True after: the file is gone; of a folder, all files of that version or package. Raises as
        `Repository.delete`, Unsupported for what is made from others."""
        if resource.kind in ("metadata", "checksum"):
            raise Unsupported(f"{resource.title} is made from what is deployed: delete that", _KEPT)
        if resource.kind == "file" and await self._below(paths.directory(f"{resource.url_path}/")):
            raise Invalid(f"{resource.title} is a folder: to delete all that is in it, end the URL with a slash")
        alone = [resource, *(place(resource) for place in _NOTES)]
        doomed = await self._below(resource) if resource.kind == "directory" else alone
        if not doomed:
            raise NotFound(
                f"{resource.title or 'the root'} is no folder of an artifact or of one of its versions, or nothing is "
                "in it: nothing was deleted"
            )
        await self.repository.delete(doomed, self.context)
        return wire.told(
            200,
            f"{resource.title} is deleted.\n"
            "To have it back: on the server, mxart trash list shows its ID for mxart trash restore ID.\n",
        )

    async def _below(self, resource: MavenResource) -> Sequence[MavenResource]:
        """All that is held of the package, or of the version, whose folder it is."""
        folder = resource.url_path.rstrip("/")
        package, _, version = folder.rpartition("/")
        found: list[MavenResource] = []
        for prefix in (f"{folder}{paths.BORDER}", f"{package}{paths.BORDER}{version}/"):
            found += await offload(_with_notes, await self._list(resource, prefix))
        return found

    # --- uploads, and what is held

    async def _begin(self, resource: MavenResource) -> Ingest:
        upload = await self.repository.ingest(resource, self.context)
        self.uploads.push_async_callback(lambda: undisturbed(upload.cancel()))
        return upload

    async def _receive(self, request: Request, resource: MavenResource) -> Ingest:
        upload = await self._begin(resource)
        async for chunk in request.body:
            await upload.write(chunk)
        return upload

    async def _held(self, resource: MavenResource) -> Entry | None:
        entries = await self._list(resource, resource.path)
        return next((entry for entry in entries if entry.path == resource.path), None)

    async def _list(self, resource: MavenResource, prefix: str) -> Sequence[Entry]:
        """What is held below the prefix where this publishes to."""
        return await self.repository.list(replace(resource, path=prefix), replace(self.context, where_published=True))


def _remark(found: pom.Pom, resource: MavenResource) -> str:
    """What whoever deploys should know of a POM that is of another artifact than its path says; "" when it is not.

    It is taken: clients go by the path, and deploy the POM that they find in a jar under whatever name they are given.
    What the POM computes is not looked at.
    """
    for word, said, wanted in (
        ("groupId", found.group, resource.group),
        ("artifactId", found.artifact, resource.artifact),
        ("version", found.version, resource.version),
    ):
        is_build = word == "version" and resource.build and said == names.version_of(wanted, resource.build)
        if said and "${" not in said and said != wanted and not is_build:
            return f"Its {word} is {said}, though, and not {wanted}: clients go by its path.\n"
    return ""


def _is_of(found: plugins.PluginDescriptor, resource: MavenResource) -> bool:
    own = (resource.group, resource.artifact)
    return (found.group or resource.group, found.artifact or resource.artifact) == own


def _named(resource: MavenResource, sent: Metadata) -> list[tuple[str, str]]:
    """The builds of a snapshot that its metadata names."""
    stem = names.stem(resource.version)
    values = [file.value.removeprefix(stem) for file in sent.snapshot_versions]
    if sent.snapshot is not None and sent.snapshot.timestamp:
        values.append(f"{sent.snapshot.timestamp}-{sent.snapshot.build}")
    return [(resource.version, value) for value in dict.fromkeys(values)]


def _announcement(of: MavenResource, build: Build) -> MavenResource:
    """``of``: anything of the package."""
    return paths.announcement(of.group, of.artifact, build.version, build.build)


def _with_notes(entries: Sequence[Entry]) -> list[MavenResource]:
    """What they are, and where something may be noted of them."""
    files = [paths.of_entry(entry.path) for entry in entries]
    artifacts = [file for file in files if file.kind == "artifact"]
    return [*files, *(place(file) for file in artifacts for place in _NOTES)]


def _reading(upload: Ingest, read: Callable[[BinaryIO], _T]) -> _T:
    with upload.open() as file:
        return read(file)


async def _whole(body: AsyncIterator[bytes], limit: int) -> bytes:
    """All of a small body. Raises TooLarge."""
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > limit:
            raise TooLarge(f"this has at most {limit} bytes", limit)
    return bytes(data)
