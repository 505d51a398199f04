"""A hosted repository of Maven artifacts over a real store, and what clients send to it."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mxart.contract import Context, Repository
from mxart.errors import NotFound
from mxart.formats.maven import documents
from mxart.formats.maven.documents import Metadata, Snapshot, SnapshotVersion
from mxart.formats.maven.format import MavenFormat
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Blob, Bytes, Request, Response
from mxart.repository.hosted import Hosted, HostedParts
from mxart.store import Store
from tests.formats.go.zips import Member
from tests.formats.go.zips import archive as make

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
MARKER = "<!-- do_not_remove: published-with-gradle-metadata -->"


@dataclass
class Depot:
    """A hosted repository, asked as clients ask it."""

    store: Store
    settings: MavenSettings = MavenSettings()
    clock: Callable[[], float] = time.time
    within: Callable[[Repository], Repository] = lambda repository: repository  # rules around it
    format: MavenFormat = field(init=False)
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        self.format = MavenFormat(self.settings)
        parts = HostedParts(name="depot", format=self.format, store=self.store, clock=self.clock)
        self.repository = self.within(Hosted(parts))

    async def send(
        self, method: str, path: str, data: bytes = b"", body: AsyncIterator[bytes] | None = None
    ) -> Response:
        request = Request(method=method, path=path, body=body or pieces(data), base_url="https://example.org/depot")
        return await self.format.answer(request, self.format.parse(request), self.repository, Context())

    async def put(self, path: str, data: bytes) -> int:
        return (await self.send("PUT", path, data)).status

    async def put_all(self, files: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> set[int]:
        """The statuses of all, sent one after the other."""
        sent = files.items() if isinstance(files, Mapping) else files
        return {await self.put(path, data) for path, data in sent}

    async def delete(self, path: str) -> str:
        response = await self.send("DELETE", path)
        assert response.status == 200
        assert isinstance(response.content, Bytes)
        return response.content.data.decode()

    async def read(self, path: str) -> bytes:
        response = await self.send("GET", path)
        assert response.status == 200
        return drained(response)

    async def has(self, path: str) -> bool:
        try:
            await self.read(path)
        except NotFound:
            return False
        return True

    async def metadata(self, folder: str) -> Metadata:
        """What the folder's metadata says; nothing when there is none."""
        try:
            return documents.parse(io.BytesIO(await self.read(f"{folder}/maven-metadata.xml")))
        except NotFound:
            return Metadata()

    async def paths(self) -> list[str]:
        """Of all that is held, without what is made from it."""
        entries = await self.store.index.list("depot")
        return [entry.path for entry in entries if entry.digest and not entry.path.endswith("maven-metadata.xml")]


def drained(response: Response) -> bytes:
    """The body of an answer, which is closed."""
    content = response.content
    assert isinstance(content, (Blob, Bytes))
    try:
        return content.data if isinstance(content, Bytes) else os.pread(content.file.fileno(), content.size, 0)
    finally:
        content.close()


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """A body in two pieces."""
    middle = len(data) // 2
    yield data[:middle]
    yield data[middle:]


# --- what clients send ---------------------------------------------------------------------------------------------


def pom(
    artifact: str = "lib", version: str = "1.0", packaging: str = "jar", group: str = "org.acme", more: str = ""
) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<project>'
        f"<modelVersion>4.0.0</modelVersion>{more}<groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><packaging>{packaging}</packaging></project>\n"
    ).encode()


def jar(text: str = "") -> bytes:
    return make([Member(name="a.txt", data=text.encode())])


def plugin(artifact: str, prefix: str) -> bytes:
    text = f"<plugin><name>N</name><artifactId>{artifact}</artifactId><goalPrefix>{prefix}</goalPrefix></plugin>"
    return make([Member(name="META-INF/maven/plugin.xml", data=text.encode())])


def hex_of(data: bytes, algorithm: str) -> bytes:
    return hashlib.new(algorithm, data).hexdigest().encode()


def checksummed(files: Mapping[str, bytes], algorithms: Sequence[str] = ("sha1", "md5")) -> list[tuple[str, bytes]]:
    """Each file, and behind it its checksum files; signatures have none."""
    sent: list[tuple[str, bytes]] = []
    for path, data in files.items():
        sent.append((path, data))
        if not path.endswith(".asc"):
            sent += [(f"{path}.{algorithm}", hex_of(data, algorithm)) for algorithm in algorithms]
    return sent


def release(version: str = "1.0", artifact: str = "lib", text: str = "") -> dict[str, bytes]:
    """The files of a release, in the order in which Maven deploys them."""
    stem = f"org/acme/{artifact}/{version}/{artifact}-{version}"
    return {
        f"{stem}.jar": jar(text or version),
        f"{stem}.pom": pom(artifact, version),
        f"{stem}-sources.jar": jar(f"sources {text}"),
        f"{stem}.jar.asc": b"-----BEGIN PGP SIGNATURE-----\n",
    }


def build_of(build: str, artifact: str = "lib", text: str = "") -> dict[str, bytes]:
    """The files of one build of 1.0-SNAPSHOT; ``build``: TIMESTAMP-NUMBER, or SNAPSHOT."""
    stem = f"org/acme/{artifact}/1.0-SNAPSHOT/{artifact}-1.0-{build}"
    return {f"{stem}.jar": jar(text or build), f"{stem}.pom": pom(artifact, "1.0-SNAPSHOT")}


def versions_of(*versions: str, artifact: str = "lib") -> dict[str, bytes]:
    """The metadata that a client makes of the versions that it knows."""
    made = Metadata(
        group="org.acme", artifact=artifact, versions=versions, latest=versions[-1], updated="20010203040506"
    )
    return {f"org/acme/{artifact}/maven-metadata.xml": documents.render(made)}


def builds_of(build: str, *kinds: str, artifact: str = "lib") -> dict[str, bytes]:
    """The metadata that a client makes of the build that it deploys; ``kinds``: extensions of its files."""
    timestamp, _, number = build.partition("-")
    files = tuple(SnapshotVersion(kind, f"1.0-{build}", timestamp.replace(".", "")) for kind in kinds)
    made = Metadata(
        group="org.acme",
        artifact=artifact,
        version="1.0-SNAPSHOT",
        snapshot=Snapshot(timestamp, int(number)),
        snapshot_versions=files,
    )
    return {f"org/acme/{artifact}/1.0-SNAPSHOT/maven-metadata.xml": documents.render(made)}
