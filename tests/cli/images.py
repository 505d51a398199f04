"""Container images in a store, pushed and pulled as by a server that does not run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mxart.contract import Context
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.settings import DockerSettings
from mxart.model import Blob, Request, Response
from mxart.repository.hosted import Hosted, HostedParts
from mxart.store import Store
from tests.repository.parts import pread
from tests.support.images import Image


class House:
    """The hosted repository "house"; ``clock``: what time it is there, in UTC seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self.format = DockerFormat(DockerSettings())
        self.repository = Hosted(HostedParts(name="house", format=self.format, store=store, clock=clock))

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, query: str = "", media_type: str = ""
    ) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield body

        headers = {"content-type": media_type} if media_type else {}
        request = Request(method=method, path=path, query=query, headers=headers, body=pieces())
        context = Context(base_url="http://127.0.0.1/v2/house", head_only=method == "HEAD")
        return await self.format.answer(request, self.format.parse(request), self.repository, context)

    async def push(self, name: str, tag: str, image: Image) -> None:
        for blob in image.all_blobs().values():
            await self.ask("POST", f"{name}/blobs/uploads/", blob.data, query=f"digest={blob.digest}")
        *children, last = image.all_manifests()
        for manifest in children:
            await self.ask("PUT", f"{name}/manifests/{manifest.digest}", manifest.data, media_type=manifest.media_type)
        await self.ask("PUT", f"{name}/manifests/{tag}", last.data, media_type=last.media_type)

    async def content(self, path: str) -> bytes:
        content = (await self.ask("GET", path)).content
        assert isinstance(content, Blob)
        with content.file:
            return pread(content.file, 0, content.size)

    async def has_whole(self, name: str, tag: str, image: Image) -> bool:
        """Does all of the image come, as it was pushed?"""
        assert await self.content(f"{name}/manifests/{tag}") == image.manifest.data
        for manifest in image.all_manifests():
            assert await self.content(f"{name}/manifests/{manifest.digest}") == manifest.data
        for blob in image.all_blobs().values():
            assert await self.content(f"{name}/blobs/{blob.digest}") == blob.data
        return True
